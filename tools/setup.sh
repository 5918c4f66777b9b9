# Sourced by tools/test and tools/quickstart: installs what a build or test needs, and builds.
# shellcheck shell=bash disable=SC2034

# What configure and make need.
BUILD_PACKAGES="build-essential autoconf automake pkg-config python3 libevent-dev libssl-dev libconfuse-dev
	libjansson-dev libmnl-dev libcap-ng-dev"
# What only the tests and the quick start need: cmocka and tools for network namespaces.
TEST_PACKAGES="libcmocka-dev iproute2 iputils-ping iputils-arping ethtool tcpdump procps gnutls-bin openssl groff-base iperf3
	smcroute util-linux python3-cryptography"

setup_name=tools/$(basename "$0")
setup_top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd) || exit 1
setup_build=$setup_top/build
setup_configure_args=(--enable-werror)

# setup_sanitized: another build, in build-san/, by clang with AddressSanitizer and UndefinedBehaviorSanitizer.
setup_sanitized()
{
	setup_build=$setup_top/build-san
	setup_configure_args+=(--enable-sanitizers CC=clang "CFLAGS=-O1 -g")
	BUILD_PACKAGES="$BUILD_PACKAGES clang libclang-rt-dev"
}

setup_say()
{
	printf '%s: %s\n' "$setup_name" "$*"
}

setup_die()
{
	setup_say "$*" >&2
	exit 1
}

# setup_missing PACKAGE...: prints those that are not installed.
setup_missing()
{
	local package
	for package; do
		dpkg-query -W -f='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
			printf '%s ' "$package"
	done
}

# Without dpkg nobody can tell which packages are there, but the build tools and libraries can be asked for.
setup_probe()
{
	local thing
	for thing in autoreconf automake make cc pkg-config python3; do
		command -v "$thing" >/dev/null || printf '%s ' "$thing"
	done
	for thing in libevent_core libssl libconfuse jansson libmnl libcap-ng cmocka; do
		pkg-config --exists "$thing" 2>/dev/null || printf '%s ' "$thing"
	done
}

# setup_install PACKAGE...: installs what is missing, as root on Debian; ends the program when that can't be done.
setup_install()
{
	local missing
	if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
		missing=$(setup_probe)
		[ -z "$missing" ] || setup_die "this is not Debian; please install first: ${missing% }"
		return
	fi
	missing=$(setup_missing "$@")
	missing=${missing% }
	[ -n "$missing" ] || return 0
	[ "$(id -u)" -eq 0 ] || setup_die "not root; please run first: apt-get install $missing"
	setup_say "installing $missing"
	# A failed update may still leave lists that are good enough.
	DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 update >/dev/null ||
		setup_say "apt-get update failed, trying with the lists at hand"
	# shellcheck disable=SC2086
	DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends \
		$missing >/dev/null </dev/null || setup_die "apt-get could not install $missing"
}

# setup_step NAME COMMAND...: runs it with its output in setup.log of the build, which is shown when it fails.
setup_step()
{
	local name=$1
	shift
	setup_say "$name"
	"$@" >"$setup_build/setup.log" 2>&1 </dev/null && return
	tail -n 60 "$setup_build/setup.log"
	setup_say "$name failed, see $setup_build/setup.log"
	return 1
}

setup_configure()
{
	cd "$setup_build" && "$setup_top/configure" "${setup_configure_args[@]}"
}

# Automake can't build elsewhere what is configured in the source tree: then that build is used.  A second one needs it gone.
setup_in_tree()
{
	[ -f "$setup_top/config.status" ] || return 0
	[ "$setup_build" = "$setup_top/build" ] ||
		setup_die "the source tree itself is configured; please run first: make -C '$setup_top' distclean"
	setup_build=$setup_top
}

# Leaves a finished build in $setup_build.
setup_make()
{
	setup_in_tree
	mkdir -p "$setup_build" || return
	setup_step autogen "$setup_top/autogen.sh" &&
		setup_step configure setup_configure &&
		setup_step make make -C "$setup_build" -j"$(nproc)"
}
