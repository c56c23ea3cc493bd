use std::fs;
use std::os::unix::fs::symlink;

use super::*;
use crate::config::{LoadNothing, Source, read};

/// What is wrong with granting this directory of a home, where code is kept in
/// `cache/code`.
fn told(host: &str, access: &str) -> Vec<String> {
    let home = tempfile::tempdir().unwrap();
    for folder in ["cache/code", "logs", "cache-not"] {
        fs::create_dir_all(home.path().join(folder)).unwrap();
    }
    symlink(home.path().join("cache"), home.path().join("link")).unwrap();
    let text = format!(
        "[[port]]\nname = \"a\"\nplugin = \"log\"\n\
         grant.dirs = [{{ host = \"{host}\", guest = \"/d\", access = \"{access}\" }}]\n"
    );
    let source = Source::new(home.path().join("vm.toml"), text);
    let loaded = read(source, &mut LoadNothing).unwrap();
    faults(&loaded.spec, &home.path().join("cache/code"))
        .into_iter()
        .map(|fault| fault.what)
        .collect()
}

#[test]
fn no_plugin_may_write_where_code_is_kept() {
    for host in [".", "cache", "cache/code", "link", "link/code"] {
        assert_eq!(
            told(host, "write"),
            ["a plugin could write the code that this program runs"],
            "{host}"
        );
    }
    for host in ["logs", "cache-not"] {
        assert_eq!(told(host, "write"), Vec::<String>::new(), "{host}");
    }
}

#[test]
fn who_only_reads_may_see_it() {
    assert_eq!(told(".", "read"), Vec::<String>::new());
}
