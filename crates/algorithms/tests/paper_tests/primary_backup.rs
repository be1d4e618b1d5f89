//! The broken primary-backup: that it works on a sunny day, and how it loses a write on another.

use splitbrain_algorithms::primary_backup::{Message, PrimaryBackup, Timer};
use splitbrain_core::ErrorCode;
use splitbrain_core::workload::lin_kv::{Request, Response};

use crate::stage::{Stage, replies, sent, synced_first};

const KEY: u64 = 0;

fn primary(id: u16) -> Stage<PrimaryBackup> {
    let mut stage = Stage::boot(id, 2);
    assert!(sent(&stage.timer(Timer::Silence)).contains(&(1 - id, Message::Heartbeat)));
    stage
}

#[test]
fn the_primary_writes_replicates_and_answers() {
    let mut stage = primary(0);
    let effects = stage.request(Request::Write { key: KEY, value: 7 });
    synced_first(&effects);
    assert_eq!(sent(&effects), [(1, Message::Put { key: KEY, value: 7 })]);
    assert_eq!(replies(&effects), [Ok(Response::WriteOk)]);
    let swap = |stage: &mut Stage<PrimaryBackup>, from, to| {
        replies(&stage.request(Request::Cas { key: KEY, from, to })).remove(0)
    };
    assert_eq!(swap(&mut stage, 1, 8), Err(ErrorCode::PRECONDITION_FAILED.0));
    assert_eq!(swap(&mut stage, 7, 8), Ok(Response::CasOk));
    let read = stage.request(Request::Read { key: KEY });
    assert_eq!(replies(&read), [Ok(Response::ReadOk { value: 8 })]);
    let missing = stage.request(Request::Read { key: 99 });
    assert_eq!(replies(&missing), [Err(ErrorCode::KEY_DOES_NOT_EXIST.0)]);
}

#[test]
fn a_backup_sends_clients_away_and_takes_over_with_what_it_has() {
    let mut stage = Stage::<PrimaryBackup>::boot(1, 2);
    assert_eq!(sent(&stage.message(0, Message::Heartbeat)), [(0, Message::Join)]);
    stage.message(0, Message::Put { key: KEY, value: 7 });
    let read = stage.request(Request::Read { key: KEY });
    assert_eq!(replies(&read), [Err(ErrorCode::TEMPORARILY_UNAVAILABLE.0)]);
    stage.timer(Timer::Silence);
    let read = stage.request(Request::Read { key: KEY });
    assert_eq!(replies(&read), [Ok(Response::ReadOk { value: 7 })]);
}

/// What is wrong with it, in one test: nobody crashed, nothing was lost on a disk.
#[test]
fn two_primaries_meet_and_an_acknowledged_write_is_gone() {
    let (mut old, mut new) = (primary(0), primary(1)); // neither hears the other
    let write = new.request(Request::Write { key: KEY, value: 7 });
    assert_eq!(replies(&write), [Ok(Response::WriteOk)]);
    let (_, join) = sent(&new.message(0, Message::Heartbeat)).remove(0);
    let (_, copy) = sent(&old.message(1, join)).remove(0);
    new.message(0, copy);
    let read = old.request(Request::Read { key: KEY });
    assert_eq!(replies(&read), [Err(ErrorCode::KEY_DOES_NOT_EXIST.0)]);
    new.timer(Timer::Silence);
    let read = new.request(Request::Read { key: KEY });
    assert_eq!(replies(&read), [Err(ErrorCode::KEY_DOES_NOT_EXIST.0)]);
}
