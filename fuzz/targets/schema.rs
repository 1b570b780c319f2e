#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| toolyard::mcp::fuzz::schema(data));
