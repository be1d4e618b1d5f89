//! Whatever a program prints, reading it as a message ends without a panic, and what is wrong with
//! it is said on one line.

#![no_main]

use libfuzzer_sys::fuzz_target;
use splitbrain_maelstrom::protocol::Envelope;

fuzz_target!(|line: &[u8]| {
    match Envelope::parse(line) {
        Ok(envelope) => drop(envelope.head()),
        Err(malformed) => assert!(!malformed.to_string().contains(['\n', '\x1b'])),
    }
});
