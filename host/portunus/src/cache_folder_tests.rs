//! Which folder it is.

use super::*;

#[test]
fn the_named_folder_goes_before_the_users_and_that_before_the_homes() {
    let found = |set: &[(&str, &str)]| {
        folder_by(|name| {
            let of = set.iter().find(|(key, _)| *key == name);
            of.map(|(_, value)| value.into())
        })
    };
    let home = ("HOME", "/home/a");
    let cache = ("XDG_CACHE_HOME", "/c");
    let named = ("PORTUNUS_CACHE_DIR", "/p");
    assert_eq!(found(&[home, cache, named]), Some("/p".into()));
    assert_eq!(found(&[home, cache]), Some("/c/portunus".into()));
    assert_eq!(found(&[home]), Some("/home/a/.cache/portunus".into()));
    assert_eq!(found(&[]), None);
}
