# shellcheck shell=bash
# Read by the other scripts: what they say, how they give up, and how they install a distribution's packages.

say() { printf '==> %s\n' "$*" >&2; }

die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# apt_install WHY PACKAGE...: as root on Debian or Ubuntu installs, and says so; elsewhere says what to run.
apt_install() {
  local why=$1
  shift
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    die "$why. Install it and run this again (Debian, Ubuntu: sudo apt-get install $*)."
  fi
  say "$why: installing $*"
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@"; } >/dev/null </dev/null ||
    die "$why, and apt-get could not install $*; its message above says why."
}
