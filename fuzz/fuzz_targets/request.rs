#![no_main]

#[path = "../exercises.rs"]
#[expect(dead_code, reason = "each target has one exercise")]
mod exercises;

libfuzzer_sys::fuzz_target!(|data: &[u8]| exercises::request(data));
