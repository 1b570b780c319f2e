use super::*;
use crate::machine::Cores;
use crate::reload::{Code, Timing, Write};

#[test]
fn columns_line_up() {
    let mut table = Table::new(["what", "n"]);
    table.row(["a µ".to_owned(), "1".to_owned()]);
    table.row(["longer".to_owned(), "1000".to_owned()]);
    let expected = "\
| what   |    n |
|--------|-----:|
| a µ    |    1 |
| longer | 1000 |
";
    assert_eq!(table.to_string(), expected);
}

#[test]
fn aims_are_judged_by_the_median_of_both_ways_of_writing() {
    let timing = |write, code, ms: [f64; 2]| Timing { write, code, ms: ms.to_vec() };
    let timings = vec![
        timing(Write::Rename, Code::Cold, [100.0, 310.0]),
        timing(Write::Copy, Code::Cold, [290.0, 290.0]),
        timing(Write::Rename, Code::Cached, [10.0, 30.0]),
        timing(Write::Copy, Code::Cached, [40.0, 30.0]),
    ];
    let text = report(Reload { plugin: "time", bytes: 204_800, timings }).markdown();
    assert!(
        text.contains("- met: drop of 204 KB to first answer, cold, ms under 300: 290.00 (100.00-310.00)\n"),
        "{text}"
    );
    assert!(
        text.contains("- NOT MET: drop of 204 KB to first answer, compiled code cached, ms under 30: 30.00"),
        "{text}"
    );
    assert!(text.contains("4 cores of a processor, a kernel"), "{text}");
}

#[test]
fn memory_is_shown_to_a_tenth() {
    assert_eq!(mib(0), "0.0");
    assert_eq!(mib((1 << 20) + (1 << 19)), "1.5");
}

fn report(reload: Reload) -> Report {
    let machine = Machine {
        processor: "a processor".to_owned(),
        kernel: "a kernel".to_owned(),
        load_average: "0".to_owned(),
        cores: Cores { all: vec![0, 1, 2, 3], server: 0, load: 2, pair: [0, 1] },
    };
    Report { reload: Some(reload), ..Report::new(machine, Duration::from_secs(1), None) }
}
