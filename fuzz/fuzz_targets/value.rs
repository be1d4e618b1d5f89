//! Whatever the text is, reading it as a value of EDN ends without a panic; and what was read is
//! written and read back unchanged.

#![no_main]

use libfuzzer_sys::fuzz_target;
use splitbrain_check::Value;

fuzz_target!(|text: &str| {
    if let Ok(value) = Value::parse(text) {
        assert_eq!(Value::parse(&value.to_string()).as_ref(), Ok(&value));
    }
});
