# Sourced: Debian packages unpacked into .venv/servers/NAME, for the tests. Installed, they would run
# as services from then on; unpacked, they need no root.
#
#   begin NAME PROGRAM    exit where .venv/servers/NAME has usr/bin/PROGRAM, else make a $tree
#   unpack PACKAGE...     download the packages and unpack them into the $tree
#   finish                put the $tree in its place

begin() {
    name=$1
    target=$PWD/.venv/servers/$name
    [ -x "$target/usr/bin/$2" ] && exit
    mkdir -p .venv/servers
    work=$(mktemp -d "$target.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    trap 'exit 1' INT TERM
    tree=$work/tree
}

unpack() {
    { extract "$@" || { refresh && extract "$@"; }; } >"$target.log" 2>&1 && return
    echo "No $name for the tests: Debian's package ($*) cannot be had with apt-get here. See .venv/servers/$name.log, then run scripts/servers/$name again." >&2
    exit 1
}

extract() {
    rm -rf "$work/debs" "$tree"
    mkdir "$work/debs" "$tree"
    (cd "$work/debs" && apt-get download "$@") || return 1
    for deb in "$work"/debs/*.deb; do dpkg -x "$deb" "$tree" || return 1; done
}

# Package lists of our own, which need no root either.
refresh() {
    mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
    cat >"$work/apt.conf" <<END
Dir::State::lists "$work/lists";
Dir::Cache "$work/cache";
Acquire::Languages "none";
Acquire::http::Timeout "15";
END
    export APT_CONFIG="$work/apt.conf"
    apt-get update
}

finish() {
    rm -rf "$tree/etc" "$tree/lib" "$tree/var" "$tree/usr/share/doc" "$tree/usr/share/man" "$target"
    chmod 755 "$tree"
    mv -T "$tree" "$target"
}
