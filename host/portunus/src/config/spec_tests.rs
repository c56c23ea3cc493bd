//! Paths as plugins see them.

use super::*;

fn refused(text: &str) -> String {
    text.parse::<GuestPath>().unwrap_err().what
}

#[test]
fn a_guest_path_is_absolute_and_leads_nowhere_else() {
    for path in ["/", "/logs", "/a b/c.d/..e"] {
        assert_eq!(path.parse::<GuestPath>().unwrap().as_str(), path);
    }
    assert_eq!(refused("logs"), "is no absolute path");
    assert_eq!(refused("/a/../b"), "has `.` or `..` in it");
    assert_eq!(refused("/."), "has `.` or `..` in it");
    assert_eq!(refused("/a//b"), "has an empty part");
    assert_eq!(refused("//a"), "has an empty part");
    assert_eq!(refused("/a/"), "has an empty part");
    assert_eq!(refused("/a\n"), "has a control character");
    assert_eq!(refused(&format!("/{}", "a".repeat(255))), "has 256 bytes");
}
