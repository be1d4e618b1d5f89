//! Whatever the bytes are, reading them as a history of any workload ends without a panic; so does
//! judging what was read, which is written and read back unchanged.

#![no_main]

use libfuzzer_sys::fuzz_target;
use splitbrain_check::{Judge, read, read_header, write};
use splitbrain_core::workload::broadcast::Broadcast;
use splitbrain_core::workload::lin_kv::LinKv;
use splitbrain_core::workload::pn_counter::PnCounter;
use splitbrain_core::workload::unique_ids::UniqueIds;

fn check<W: Judge>(bytes: &[u8]) {
    if let Ok(history) = read::<W>(bytes) {
        W::judge(&history);
        let mut written = Vec::new();
        write(&history, &mut written).expect("a vector can be written");
        assert_eq!(read::<W>(&written[..]).ok().as_ref(), Some(&history));
    }
}

fuzz_target!(|bytes: &[u8]| {
    let _ = read_header(bytes);
    check::<Broadcast>(bytes);
    check::<LinKv>(bytes);
    check::<PnCounter>(bytes);
    check::<UniqueIds>(bytes);
});
