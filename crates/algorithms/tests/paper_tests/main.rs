//! The rules of each paper, one test per rule, against the handlers themselves.

mod abd;
mod broadcast;
mod crdts;
mod logs;
mod primary_backup;
mod raft;
mod simple;
mod stage;
