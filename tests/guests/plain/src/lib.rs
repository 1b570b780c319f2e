//! A component of plain functions, which knows of no host in particular.

mod bindings {
    #![allow(unsafe_code, unreachable_pub, clippy::all, reason = "generated")]
    wit_bindgen::generate!({ path: "wit" });
    export!(Plain with_types_in self);
    use super::Plain;
}

use std::sync::atomic::{AtomicU32, Ordering};

use bindings::Refusal;
use bindings::exports::inner;
use bindings::exports::test::plain::echo;

/// The doc comments of the WIT, which `build.rs` made.
#[used]
#[allow(unsafe_code, reason = "a section that no code reads")]
#[unsafe(link_section = "package-docs")]
static DOCS: [u8; include_bytes!(concat!(env!("OUT_DIR"), "/package-docs")).len()] =
    *include_bytes!(concat!(env!("OUT_DIR"), "/package-docs"));

static CALLS: AtomicU32 = AtomicU32::new(0);

struct Plain;

impl bindings::Guest for Plain {
    fn add(a: u32, b: u32) -> u32 {
        a.wrapping_add(b)
    }

    fn divide(a: i64, b: i64) -> Result<i64, String> {
        a.checked_div(b).ok_or_else(|| format!("{a} cannot be divided by {b}"))
    }

    fn go(to: bindings::Point) -> Result<bindings::Point, Refusal> {
        match to.x {
            x if x.is_nan() => Err(Refusal::NotThere),
            x if x > 100.0 => Err(Refusal::TooFar(to)),
            _ => Ok(to),
        }
    }

    fn check(fits: bool) -> Result<(), ()> {
        fits.then_some(()).ok_or(())
    }

    #[allow(clippy::print_stdout, reason = "it is what the function does")]
    fn say(text: String) {
        println!("{text}");
    }

    fn count() -> u32 {
        CALLS.fetch_add(1, Ordering::Relaxed)
    }

    fn spin() {
        while CALLS.load(Ordering::Relaxed) == 0 {}
    }

    fn hoard(bytes: u32) -> u32 {
        std::hint::black_box(vec![1_u8; bytes as usize]).len() as u32
    }

    fn flood(letters: u32) -> String {
        "x".repeat(letters as usize)
    }

    fn trap() {
        panic!("in the middle");
    }
}

impl inner::Guest for Plain {
    fn reverse(text: String) -> String {
        text.chars().rev().collect()
    }
}

/// Functions that give back what they are given.
macro_rules! echoes {
    ($($name:ident: $type:ty,)+) => {
        impl echo::Guest for Plain {
            $(fn $name(value: $type) -> $type {
                value
            })+

            fn of_several(a: u8, b: Option<String>, c: Vec<f32>) -> (u8, Option<String>, Vec<f32>) {
                (a, b, c)
            }
        }
    };
}

echoes! {
    of_bool: bool,
    of_s8: i8,
    of_u8: u8,
    of_s16: i16,
    of_u16: u16,
    of_s32: i32,
    of_u32: u32,
    of_s64: i64,
    of_u64: u64,
    of_f32: f32,
    of_f64: f64,
    of_char: char,
    of_string: String,
    of_bytes: Vec<u8>,
    of_list: Vec<String>,
    of_lists: Vec<Vec<i32>>,
    of_tuple: (u8, String, bool),
    of_option: Option<String>,
    of_options: Option<Option<String>>,
    of_result: (Result<u8, String>,),
    of_results: Vec<Result<(), ()>>,
    of_enum: echo::Direction,
    of_flags: echo::Access,
    of_variant: echo::Figure,
    of_record: echo::Point,
    of_everything: echo::Everything,
}
