//! The cases of Elle's own tests, as data of ours.
//!
//! Where the expected anomalies are not those that Elle's test names, a line says why, and
//! DEVIATIONS.md more. Elle's tests ask for single anomalies or for models; here all that is wrong
//! under the model is told.

use super::Case;

const STRONG_SESSION_SI: &str = "strong-session-snapshot-isolation";

pub(super) const CASES: &[Case] = &[
    // list_append_test: checker-test
    Case::lists("G0", "ax1 ay1 / ax2 ay2 / rx1,2 ry2,1", "G0"),
    Case::lists("G1a", "ax1! / rx1", "G1a"),
    Case::lists("G1a, read uncommitted", "ax1! / rx1", "unknown").models("read-uncommitted"),
    Case::lists("G1b", "ax1 ax2 ; rx1", "G1b G-single"),
    Case::lists("G1c", "ax1 ry1 / ax2 ay1 / rx1,2 ry1", "G1c"),
    Case::lists("G1c, read committed", "ax1 ry1 / ax2 ay1 / rx1,2 ry1", "G1c")
        .models("read-committed"),
    Case::lists("G-single", "ax1 ay1 / ax2 ry / rx1,2", "G-single"),
    Case::lists("G2-item", "ax1 ry / ay1 rx", "G2-item"),
    Case::lists("G2-item, read committed", "ax1 ry / ay1 rx", "valid").models("read-committed"),
    Case::lists("G2-item, repeatable read", "ax1 ry / ay1 rx", "G2-item").models("repeatable-read"),
    Case::lists("strong SI", "0:ax1 ; 1:ax2 ; 2:rx1 ; 3:rx1,2", "G-single-realtime"),
    Case::lists("strong SI, serializable", "0:ax1 ; 1:ax2 ; 2:rx1 ; 3:rx1,2", "valid")
        .models("serializable"),
    Case::lists("strong session SI", "0:ax1 ; 1:ax2 ; 1:rx1 ; 2:rx1,2", "G-single-process")
        .models(STRONG_SESSION_SI),
    Case::lists("strong session SI, serializable", "0:ax1 ; 1:ax2 ; 1:rx1 ; 2:rx1,2", "valid")
        .models("serializable"),
    // Elle's issue 17.
    Case::lists("across sessions", "0:rx rz1 ; 1:ax1 ; 1:rz ; 2:az1", "G-nonadjacent-process")
        .models(STRONG_SESSION_SI),
    Case::lists("across sessions, serializable", "0:rx rz1 ; 1:ax1 ; 1:rz ; 2:az1", "valid")
        .models("serializable"),
    Case::lists(
        "contradictory read orders",
        "ax1 ry1 / ax2 / ax3 ay1 / rx1,3 / rx1,2,3",
        "incompatible-order G1c",
    ),
    Case::lists("dirty update: none", "ax1!", "unknown"),
    // What failed is shown too: an aborted read beside the dirty update.
    Case::lists("dirty update", "ax1! / ax2 / rx1,2", "dirty-update G1a"),
    Case::lists("dirty update, indirect", "ax1! / ax2 ? / ax3 / rx1,2,3", "dirty-update G1a"),
    Case::lists("duplicate elements", "ax1 ry1 / ax2 ay1 / rx1,2,1", "duplicate-elements G1c")
        .models("read-committed"),
    // Elle's test asks for internal anomalies only, and says that there is a G0 too.
    Case::lists("internal", "ax1 ax2 ax4 / ax3 rx1,2,3,4", "G0 internal"),
    Case::lists(
        "an unread append comes last",
        "ax1 ay1 / ax2 ay2 / ax3 ay3 / rx1,2 / ry2",
        "G0 G-single",
    )
    .models("serializable"),
    Case::lists("repeatable read", "rx ay1 / ry ax1", "G2-item").models("repeatable-read"),
    // Elle explains the realtime edges as data and does not see that one rw is enough.
    Case::lists("long fork", "ax1 ; rx1 ry ; ay1 ; ry1 rx", "G-nonadjacent G-single-realtime"),
    Case::lists("long fork, SI", "ax1 ; rx1 ry ; ay1 ; ry1 rx", "G-nonadjacent")
        .models("snapshot-isolation repeatable-read"),
    Case::lists("two rw in a row are SI", "rx5 ay1 ; ry az2 ; rz at3 ; rt3 au4 ; ru ax5", "valid")
        .models("snapshot-isolation"),
    // As above: the second began after the first had ended.
    Case::lists("lost update", "ax0 ; rx0 ax1 ; rx0 ax2", "lost-update G2-item G-single-realtime"),
    Case::lists("lost update, serializable", "ax0 ; rx0 ax1 ; rx0 ax2", "lost-update G2-item")
        .models("serializable"),
    Case::lists("one transaction may write twice over a read", "rx ax1 ax2 ; rx1,2", "valid"),
    // Elle's issue 21.
    Case::lists("wr, process, wr", "1:rx1 ay1 ; 2:ry1 ; 2:ax1", "G1c-process")
        .models(STRONG_SESSION_SI),
    Case::lists("read skew, repeatable read", "ax1 ay1 ; rx1 ry", "G-single")
        .models("repeatable-read"),
    Case::lists(
        "long fork, repeatable read",
        "ax1 at1 ; rx1 ry ; ay1 az2 ; rz2 rt",
        "G-nonadjacent",
    )
    .models("repeatable-read"),
    Case::lists("future read", "rx1 ax1", "future-read").models("read-committed"),
    Case::lists("future read within a list", "rx0,1,2 ax1 / ax0 / ax2", "future-read G1c")
        .models("read-committed"),
    Case::lists("SI without G-single", "ax2 ; ay1 rx ; rz ry ax5 ; az2 rx2", "G2-item")
        .models("snapshot-isolation repeatable-read"),
    // internal-cases-test looks at single transactions: here others append what these read, and
    // the cycles that this makes are told too.
    Case::lists("internal: good", "ry5,6 ax3 rx1,2,3 ax4 rx1,2,3,4 / ax1 ax2 / ay5 ay6", "valid"),
    Case::lists("internal: nothing, then something", "rx rx2 / ax2", "internal G-single")
        .models("snapshot-isolation"),
    Case::lists("internal: stale", "rx1,2 ax3 rx1,2 / ax1 ax2", "internal"),
    Case::lists(
        "internal: another prefix",
        "rx1,2 ax3 rx0,2,3 / ax1 ax2 / ax0",
        "G0 incompatible-order internal",
    )
    .models("read-atomic")
    .says("T0 reads x as [0 2 3], though it had read [1 2] before and appended [3]"),
    Case::lists("internal: extension", "rx1,2 ax3 rx1,2,3,4 / ax1 ax2 / ax4", "G1c internal"),
    Case::lists("internal: short", "rx1,2 ax3 rx1 / ax1 ax2", "G1b internal").models("read-atomic"),
    Case::lists("internal: own append hidden", "ax3 rx1,2,3,4 / ax1 ax2 / ax4", "G1c internal"),
    Case::lists("internal: own append missing (FaunaDB)", "ax6 rx", "internal")
        .models("snapshot-isolation"),
    // graph-test: what a transaction of unknown outcome read is unknown.
    Case::lists("unknown reads", "ax2 ry? ? / ax1 ay1 / rx1,2 ry1", "valid"),
    Case::lists(
        "figure 3 of Adya, Liskov, O'Neil",
        "az1 ax1 ay1 / rx1 ay2 / ry1,2 az3 / rz1,3",
        "valid",
    ),
    Case::lists("appended twice", "ax1 ry / ay2 ax1", "unknown")
        .says("1 was appended to x by T0 and again by T1"),
    // Elle's issue 20: the example of its paper.
    Case::lists(
        "the paper's example",
        "ax1 ax3 ax4 ay2 ay3 ay4 ay5 az1 az2 ; ay8 rx1,3,4 ; az4 ry2,3,4,5,8 rz1,2,4 rx1,3,4 ; \
         aw10 rx1,3,4 ry2,3,4,5 az3",
        "G-single",
    )
    .models("serializable"),
    // rw_register_test. Many of its histories read values that nobody writes.
    Case::registers("read of what nobody wrote", "wx1 ; rx2", "garbage-read")
        .assume("linearizable")
        .says("T1's read of x shows 2, which nobody wrote"),
    Case::registers("cyclic versions", "wx1 ; rx2 ; rx1", "cyclic-versions garbage-read")
        .assume("linearizable"),
    Case::registers("G0, not to be seen", "0:wx1 wy2 / 1:wx2 wy1", "unknown"),
    Case::registers("G0", "0:wx1 wy2 ; 1:wx2 wy1 ; 0:rx2 ; 1:ry2", "G0")
        .assume("sequential")
        .models("read-uncommitted"),
    Case::registers("G1a", "rx1 / wx1!", "G1a"),
    Case::registers("G1b", "wx1 wx2 / rx1", "G1b"),
    Case::registers("G1c", "wx1 ry1 / wy1 rx1", "G1c"),
    Case::registers("G1c, read uncommitted", "wx1 ry1 / wy1 rx1", "valid")
        .models("read-uncommitted"),
    Case::registers("G2-item", "0:rx1 ry1 ; 1:rx1 wy2 / 2:ry1 wx2", "garbage-read G2-item")
        .assume("linearizable"),
    Case::registers("internal", "rx1 rx2", "garbage-read internal"),
    Case::registers("internal: good", "ry2 wx2 rx2 wx1 rx1 / wy2", "valid"),
    Case::registers("internal: stale", "rx1 wx2 rx1 / wx1", "internal")
        .models("snapshot-isolation"),
    Case::registers("internal: nothing, then something", "rx rx2 / wx2", "internal")
        .models("read-atomic"),
    Case::registers("the initial state comes first", "rx ry1 / wy1 wx2", "G-single"),
    Case::registers("writes follow reads, not assumed", "ry1 wx1 wy2 / rx1 ry1", "garbage-read"),
    Case::registers("writes follow reads", "ry1 wx1 wy2 / rx1 ry1", "garbage-read G-single")
        .assume("follow"),
    Case::registers("cyclic versions of a session", "0:wx1 ; 0:wx2 ; 0:rx1", "cyclic-versions")
        .assume("sequential")
        .models("read-uncommitted"),
    Case::registers("lost update", "rx0 wx1 ; rx0 wx2", "garbage-read lost-update"),
    // Elle drops an assumption for all keys and tells time before process and wr before ww.
    Case::registers(
        "versions in two circles",
        "0:rx1 ; 0:rx ; 0:rx4 wx3 ; 0:wx4",
        "cyclic-versions garbage-read G0-process",
    )
    .assume("follow linearizable"),
    Case::registers(
        "no circle over transactions that do nothing",
        "0: ; 0:rx / 1:wx4 / 2: ; 0: ; 0:rx4",
        "valid",
    )
    .assume("linearizable"),
    // elle-cli's issue 47: valid unless an order within each key is assumed.
    Case::registers("elle-cli 47", "1:wx100 ; 2:wx200 ; 1:rx200 ; 2:rx100", "valid"),
    Case::registers(
        "elle-cli 47, in time",
        "1:wx100 ; 2:wx200 ; 1:rx200 ; 2:rx100",
        "cyclic-versions",
    )
    .assume("linearizable"),
    // Elle's issue 28: the workload begins with a value and writes it again.
    Case::registers("not unique", "rx2 wx2 / rx2 wx3", "future-read lost-update")
        .says("T0 reads x as 2 before it writes that"),
];

/// Anomalies that Elle's tests find, and the weakest models that these rule out.
pub(super) const NOT: &[(&str, &str)] = &[
    ("G0", "read-uncommitted"),
    ("G1a", "read-committed"),
    ("G1b G-single-item", "read-committed"),
    ("G1c", "read-committed"),
    ("G-single-item", "consistent-view repeatable-read"),
    ("G2-item", "repeatable-read"),
    ("G-single-item-realtime", "strong-snapshot-isolation"),
    ("G-single-item-process", "strong-session-snapshot-isolation"),
    ("G-nonadjacent-item-process", "strong-session-snapshot-isolation"),
    ("incompatible-order G1c", "read-committed"),
    ("dirty-update", "read-committed"),
    ("duplicate-elements G1c", "read-uncommitted"),
    ("G-single-item G0", "read-uncommitted"),
    ("G-nonadjacent-item", "repeatable-read snapshot-isolation"),
    ("G2-item lost-update", "cursor-stability update-atomic"),
    ("G1c-process", "strong-session-read-committed"),
    ("future-read", "read-committed"),
    ("cyclic-versions", "read-uncommitted"),
    ("internal", "read-atomic"),
    ("G1c-realtime cyclic-versions", "read-uncommitted"),
    ("lost-update", "cursor-stability update-atomic"),
];
