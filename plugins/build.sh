#!/usr/bin/env bash
# Builds plugins as WebAssembly components; `--help` says how to call it.
#
# It takes the first way to compile for wasm32-wasip2 that this machine has:
# rustup's target, or Debian's rustc-web with its sources, from which the
# standard library is compiled too. The second is kept in target/rustc-web.
set -euo pipefail

usage() {
    cat <<'END'
Usage: plugins/build.sh [--with rustup|debian] [PLUGIN...]

Builds each PLUGIN as a WebAssembly component, target/plugins/NAME.wasm, and
prints where it is. A PLUGIN is the name of a bundled one (a directory of
plugins/) or the path of any cargo project that makes one. All bundled ones are
built if none is named.

Where this Rust cannot compile for wasm32-wasip2, rustup is asked to add that
target. Where that fails, Debian's packages rustc-web, rust-web-src and
wasi-libc are unpacked into target/rustc-web; that needs no root and changes
nothing else.

  --with rustup|debian   use that way only
  --help                 print this
END
}

readonly wasm_target=wasm32-wasip2
readonly debian_packages=(rustc-web rust-web-src wasi-libc)
# Adding the target downloads 30 MB; a network that says nothing is given up.
readonly rustup_timeout_s=60

workspace=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly workspace
readonly components=$workspace/target/plugins
readonly private=$workspace/target/rustc-web

say() { echo "plugins/build.sh: $*" >&2; }

fail() {
    say "$@"
    exit 1
}

# Puts a new file in an old one's place, whole. One that is the same keeps its
# time, so that nothing that depends on it is built again.
replace_if_different() {
    if cmp --silent "$1" "$2"; then
        rm "$1"
    else
        mv "$1" "$2"
    fi
}

# --- rustup's target ---------------------------------------------------------

rust_has_target() {
    [[ -d $rust_sysroot/lib/rustlib/$wasm_target/lib ]]
}

add_rustup_target() {
    command -v rustup >/dev/null || return 1
    say "adding rustup's target $wasm_target"
    timeout "$rustup_timeout_s" rustup target add "$wasm_target" >/dev/null 2>&1
    rust_has_target
}

# --- Debian's rustc-web ------------------------------------------------------

# Runs apt-get with lists and an empty system of our own: no root, nothing of the
# system's is changed, and nothing that is installed there conflicts.
private_apt() {
    apt-get --quiet=2 -o Dir::State::Lists="$private/lists" -o Dir::State::Status=/dev/null \
        -o Dir::Cache="$private/cache" -o Debug::NoLocking=1 \
        -o APT::Sandbox::User="$(id -un)" "$@" 2>>"$private/apt.log" || {
        grep '^E:' "$private/apt.log" >&2
        fail "apt-get failed, see $private/apt.log. Another way: install Rust by rustup, and its target $wasm_target"
    }
}

# Prints which packages are needed, with all that they depend on, and are not
# installed.
missing_packages() {
    local package
    private_apt install --no-install-recommends --print-uris "${debian_packages[@]}" |
        sed -n "s/^'[^']*' \([^_]*\)_.*/\1/p" |
        while read -r package; do
            [[ $(dpkg-query --show --showformat '${db:Status-Abbrev}' "$package" 2>/dev/null) == ii* ]] ||
                echo "$package"
        done
}

# Downloads what is missing and unpacks it into $private/root.
fetch_debian() {
    command -v apt-get >/dev/null ||
        fail "no way to compile for $wasm_target: install Rust by rustup, and its target $wasm_target"
    rm -rf "$private"
    mkdir -p "$private/lists/partial" "$private/cache" "$private/archives" "$private/unpacked"
    private_apt update >/dev/null
    local packages package archive
    packages=$(missing_packages)
    say "unpacking Debian packages into $private, the system stays as it is:" \
        "${packages//$'\n'/ }"
    for package in $packages; do
        (cd "$private/archives" && private_apt download "$package" >/dev/null)
        archive=$(echo "$private/archives/${package}"_*.deb)
        dpkg-deb --extract "$archive" "$private/unpacked"
    done
    rm -rf "$private/lists" "$private/cache" "$private/archives"
    mv "$private/unpacked" "$private/root"
}

# Prints where a file of the packages is: unpacked, or the system's.
debian_file() {
    local base
    for base in "$private/root" ""; do
        [[ -e $base$1 ]] && echo "$base$1" && return
    done
    fail "$1 is missing: remove $private and try again"
}

# Makes $private/rustc: Debian's compiler with a sysroot of links to its own
# parts, the C library for Wasm, and this Rust's linkers. Links are made anew
# each time, since this Rust may have been updated.
assemble_debian() {
    local linkers=$rust_sysroot/lib/rustlib/$rust_host/bin
    [[ -x $linkers/wasm-component-ld ]] ||
        fail "$linkers/wasm-component-ld is missing: this Rust is not one of rustup's, install that"
    local rustlib=$private/sysroot/lib/rustlib libraries rustc
    mkdir -p "$rustlib/$rust_host" "$rustlib/$wasm_target/lib"
    ln -sfn "$(debian_file "/usr/lib/rustlib/$rust_host/lib")" "$rustlib/$rust_host/lib"
    ln -sfn "$linkers" "$rustlib/$rust_host/bin"
    ln -sfn "$(debian_file /usr/lib/rustlib/src)" "$rustlib/src"
    ln -sfn "$(debian_file /usr/lib/wasm32-wasi)" "$rustlib/$wasm_target/lib/self-contained"
    libraries=$private/root/usr/lib/$(uname -m)-linux-gnu:$private/root/lib/$(uname -m)-linux-gnu
    rustc=$(debian_file /usr/bin/rustc)
    cat >"$private/rustc.new" <<END
#!/bin/sh
LD_LIBRARY_PATH='$libraries' exec '$rustc' --sysroot '$private/sysroot' "\$@"
END
    chmod +x "$private/rustc.new"
    replace_if_different "$private/rustc.new" "$private/rustc"
}

# --- Building ----------------------------------------------------------------

# Prints the way that this machine can: the first that is ready, else the first
# that can be made ready.
choose_way() {
    if rust_has_target; then
        echo rustup
    elif [[ -d $private/root ]] || ! add_rustup_target; then
        echo debian
    else
        echo rustup
    fi
}

# Runs cargo build with the arguments, and prints its messages as JSON. What the
# caller's environment says of its own build does not reach this one, and where
# this machine keeps its files does not reach the component.
cargo_build() {
    local flags=--remap-path-prefix=$workspace=/portunus$'\x1f'
    flags+=--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo
    local extra=() settings=(-u RUSTFLAGS -u RUSTC_WORKSPACE_WRAPPER -u CARGO_BUILD_TARGET)
    settings+=(CARGO_ENCODED_RUSTFLAGS="$flags")
    if [[ $way == debian ]]; then
        settings+=(RUSTC="$private/rustc" RUSTC_BOOTSTRAP=1)
        extra+=("-Zbuild-std=std,panic_abort")
    fi
    # A directory for each way: they do not share a compiler.
    env "${settings[@]}" cargo build --config "$workspace/plugins/profile.toml" \
        --profile plugin --target "$wasm_target" "${extra[@]}" \
        --target-dir "$workspace/target/plugins-build/$way" \
        --message-format json-render-diagnostics "$@"
}

build_plugin() {
    local directory=$workspace/plugins/$1
    [[ $1 == */* || ! -d $directory ]] && directory=$1
    [[ -f $directory/Cargo.toml ]] ||
        fail "$1 is neither a bundled plugin nor the path of a cargo project"
    local messages built name
    messages=$(cargo_build --manifest-path "$directory/Cargo.toml")
    built=$(sed -n 's/.*"filenames":\[[^]]*"\([^"]*\.wasm\)".*/\1/p' <<<"$messages")
    [[ -n $built ]] ||
        fail "$directory makes no component: its Cargo.toml needs [lib] crate-type = [\"cdylib\"]"
    name=$(basename "$built")
    name=${name#portunus_plugin_}
    mkdir -p "$components"
    cp "$built" "$components/.$name.new"
    replace_if_different "$components/.$name.new" "$components/$name"
    echo "$components/$name"
}

way=
plugins=()
while (($#)); do
    case $1 in
    --help | -h) usage && exit ;;
    --with) (($# > 1)) || { usage >&2 && exit 2; }; way=$2 && shift ;;
    -*) usage >&2 && exit 2 ;;
    *) plugins+=("$1") ;;
    esac
    shift
done
if ((${#plugins[@]} == 0)); then
    plugins=(agent clipboard echo log relay)
fi

command -v cargo >/dev/null || fail "cargo is missing: install Rust, by rustup"
rust_sysroot=$(rustc --print sysroot)
rust_host=$(rustc --version --verbose | sed -n 's/^host: //p')
# One at a time: what it downloads and writes is shared.
mkdir -p "$workspace/target"
exec {lock}>"$workspace/target/plugins.lock"
flock "$lock"
case ${way:=$(choose_way)} in
rustup)
    rust_has_target || add_rustup_target || fail "rustup could not add the target $wasm_target"
    ;;
debian)
    [[ -d $private/root ]] || fetch_debian
    assemble_debian
    ;;
*) usage >&2 && exit 2 ;;
esac
for plugin in "${plugins[@]}"; do
    build_plugin "$plugin"
done
