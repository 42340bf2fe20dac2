# What scripts/test, scripts/demo and scripts/lock share: they are sourced from bash, in the top folder.
# shellcheck shell=bash

VENV=.venv
OLDEST_PYTHON=3.11
OLDEST_NODE=20
# Parts that could not be had, a line each: the caller decides whether that is a failure.
MISSING=()

say() { printf '%s\n' "$@"; }

die() {
    say "" "$@" >&2
    exit 1
}

# Succeeds when $1 runs and is a Python that is new enough.
_is_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

# Prints a Python to make the virtual environment with. PYTHON=/path/to/python chooses one.
find_python() {
    local candidate
    for candidate in ${PYTHON:+"$PYTHON"} python3 python3.13 python3.12 python3.11 python; do
        if _is_new_enough "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    die "authrecord needs Python $OLDEST_PYTHON or later, and none was found ($(python3 --version 2>&1 || true))." \
        "Install one, or name it: PYTHON=/path/to/python $0"
}

may_install_packages() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

_APT_UPDATED=
# Installs Debian packages, quietly. Fails when they cannot be had.
install_packages() {
    may_install_packages || return 1
    if [ -z "$_APT_UPDATED" ]; then
        DEBIAN_FRONTEND=noninteractive apt-get update -qq >/dev/null || return 1
        _APT_UPDATED=yes
    fi
    say "installing: $*"
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null 2>&1 </dev/null
}

# Prints a digest of files. $1: a Python; the rest: the files.
digest() {
    "$1" - "${@:2}" <<'PY'
import hashlib, pathlib, sys
print(hashlib.sha256(b"\0".join(pathlib.Path(name).read_bytes() for name in sys.argv[1:])).hexdigest())
PY
}

# Installs into $VENV what is named, without what it depends on: a lock names everything.
_pip_install() {
    "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps "$@" 2> >(grep -v '^WARNING: Location' >&2)
}

# Makes $VENV if there is none that works, and brings it to a lock of requirements/ when that has changed.
# $1: the lock, by default test.
setup_venv() {
    local lock=requirements/${1:-test}.lock python stamp wanted
    if ! _is_new_enough "$VENV/bin/python"; then
        python=$(find_python) || exit 1
        if ! "$python" -c 'import ensurepip, venv' 2>/dev/null && ! install_packages python3-venv; then
            die "$python has no venv module. On Debian: apt-get install python3-venv"
        fi
        say "making $VENV with $("$python" --version)"
        "$python" -m venv --clear "$VENV" || die "could not make $VENV"
    fi
    stamp=$VENV/.installed
    wanted="$("$VENV/bin/python" --version) $(digest "$VENV/bin/python" "$lock" pyproject.toml)"
    if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
        return
    fi
    say "installing $lock into $VENV"
    rm -f "$stamp"
    _pip_install --require-hashes -r "$lock" || die "the packages of $lock could not be installed"
    _pip_install --no-build-isolation --editable . || die "authrecord itself could not be installed"
    say "$wanted" >"$stamp"
}

# Installs a Debian package for a command that is not there. $1: what is not run without it; $2: the package;
# the rest: commands, of which one is enough.
need_command() {
    local purpose=$1 package=$2 command
    shift 2
    for command in "$@"; do
        command -v "$command" >/dev/null && return
    done
    install_packages "$package" && command -v "$1" >/dev/null && return
    MISSING+=("$purpose: $1 is not here and could not be installed (Debian package $package)")
    return 1
}

# Makes sure of a Node.js that is new enough: the machine's own, or one from a Python package in $VENV, which
# needs no root. $1: what is not run without it.
need_node() {
    _node_is_new_enough && return
    PATH=$PWD/$VENV/bin:$PATH
    _node_is_new_enough && return
    say "installing requirements/node.lock into $VENV"
    _pip_install --require-hashes -r requirements/node.lock && _node_is_new_enough && return
    MISSING+=("$1: there is no Node.js $OLDEST_NODE or later, and it could not be installed")
    return 1
}

_node_is_new_enough() {
    command -v npm >/dev/null && node -e "process.exit(process.versions.node.split('.')[0] < $OLDEST_NODE ? 1 : 0)" 2>/dev/null
}

# Brings the packages of one Node.js folder to its package-lock.json. $1: the folder; $2: what is not run without.
setup_node_folder() {
    local folder=$1 purpose=$2 stamp wanted
    [ -f "$folder/package-lock.json" ] || return 0
    need_node "$purpose" || return 1
    stamp=$folder/node_modules/.installed
    wanted="$(node --version) $(digest "$VENV/bin/python" "$folder/package-lock.json")"
    [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && return
    say "installing $folder/package-lock.json"
    if (cd "$folder" && npm ci --silent --no-audit --no-fund --ignore-scripts </dev/null); then
        say "$wanted" >"$stamp"
    else
        MISSING+=("$purpose: npm ci failed in $folder")
    fi
}
