use super::Tally;

#[test]
fn reads_what_libtest_prints() {
    let mut tally = Tally::default();
    tally.read("running 4 tests");
    tally.read("test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s");
    assert_eq!(tally, Tally { passed: 12, failed: 0 });
    tally.read("test result: FAILED. 1 passed; 2 failed; 3 ignored; 0 measured; 0 filtered out; finished in 0.00s");
    assert_eq!(tally, Tally { passed: 13, failed: 5 });
    tally.read("I wrote: test result: ok. 9 passed; 0 failed");
    assert_eq!(tally, Tally { passed: 13, failed: 5 });
}
