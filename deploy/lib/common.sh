# Shared by deploy/up, deploy/down and tests/run. Source it after `set -euo pipefail`.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$root/build/release
bin=$build/bin

say() { printf '%s\n' "$*"; }
die() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }

# Installs the Debian packages listed in the files named that this machine lacks.
install_packages() {
  local wanted missing=()
  wanted=$(grep -hvE '^(#|$)' "$@" | sort -u)
  for package in $wanted; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} = 0 ] && return 0
  local sudo=()
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || die "needs the Debian packages ${missing[*]}: run it as root, install sudo, or install them by hand"
    sudo=(sudo)
  fi
  say "installing ${#missing[@]} Debian packages: ${missing[*]}"
  local log
  log=$(mktemp)
  # RUNLEVEL=1 keeps packages from starting services of their own, such as a second Redis.
  if ! { "${sudo[@]}" apt-get update -qq && "${sudo[@]}" env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive \
      apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    tail -5 "$log" >&2
    die "could not install ${missing[*]}; the last lines of apt-get are above"
  fi
  rm -f "$log"
}

# Builds the targets named, with progress, in the release preset.
build_targets() {
  local log=$build/build.log
  mkdir -p "$build"
  if [ ! -e "$build/build.ninja" ]; then
    say "configuring"
    (cd "$root" && cmake --preset release >"$log" 2>&1) || { tail -20 "$log" >&2; die "cmake failed; its whole output is in $log"; }
  fi
  local status=0
  if [ -t 1 ]; then
    ninja -C "$build" "$@" || status=$?
  else
    # One line every ten per cent, and everything that fails.
    NINJA_STATUS='[%f/%t %es] ' ninja -C "$build" "$@" 2>&1 | tee "$log" | awk '
      match($0, /^\[[0-9]+\/[0-9]+ /) {
        split(substr($0, 2, RLENGTH - 2), n, "/"); step = int(10 * n[1] / n[2])
        if (step != last) { printf "  building: %d of %d\n", n[1], n[2]; fflush(); last = step }
        failed = 0; next
      }
      /^FAILED/ { failed = 1 }
      failed { print }' || status=$?
  fi
  [ "$status" = 0 ] || die "the build failed; the errors are above"
}

# true when something listens on the loopback port.
port_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# A free loopback port at or above $1, not one of those printed before in this run.
free_port() {
  local port=$1
  while port_taken "$port" || [[ " ${handed_out:-} " == *" $port "* ]]; do port=$((port + 1)); done
  handed_out="${handed_out:-} $port"
  free_port_result=$port
}

# The running process behind a pid file, if it is the program named; else nothing.
running_pid() {
  local pid
  pid=$(cat "$1" 2>/dev/null) || return 0
  [ -n "$pid" ] && [ -e "/proc/$pid" ] || return 0
  # A pid file survives a crash or a reboot; the number may be another program's by now.
  [[ $(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline") != *"$2"* ]] || printf '%s' "$pid"
}
