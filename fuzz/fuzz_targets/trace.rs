//! Whatever the bytes are, reading them as a trace ends without a panic; and what was read is
//! written and read back unchanged.

#![no_main]

use libfuzzer_sys::fuzz_target;
use splitbrain_core::Trace;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(trace) = Trace::read(bytes) {
        let mut written = Vec::new();
        trace.write(&mut written).expect("a vector can be written");
        assert_eq!(Trace::read(&written[..]).as_ref(), Ok(&trace));
    }
});
