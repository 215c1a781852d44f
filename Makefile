# tokenroll. `make` builds, `make demo` shows, `make check` tests, `make help` lists the rest.

V ?= 0
Q := $(if $(filter 1,$(V)),,@)
BUILD ?= build
# its names are the same however it was given: what depends on which header is kept by them
override BUILD := $(patsubst $(CURDIR)/%,%,$(BUILD))
PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
# systemd looks there for both of /usr and /usr/local
UNITDIR ?= $(PREFIX)/lib/systemd/system
RULESDIR ?= $(PREFIX)/lib/udev/rules.d
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
# polkit looks in /usr/share and /etc only
POLKITDIR ?= $(if $(filter /usr,$(PREFIX)),$(PREFIX)/share,$(SYSCONFDIR))/polkit-1/rules.d
AUTOSTARTDIR ?= $(SYSCONFDIR)/xdg/autostart
VERSION := 0.1.0

CC ?= cc
PKGS := libcrypto libp11 p11-kit-1 libpcsclite sqlite3 libarchive libcurl inih jansson libbsd ncursesw pangocairo cairo-pdf cairo-ps
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS := $(shell pkg-config --libs $(PKGS) 2>/dev/null)
WARNINGS := -Wall -Wextra -Wshadow -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings \
	-Wformat=2 -Wno-format-truncation -Wundef -Wvla -Wcast-qual $(if $(CI)$(WERROR),-Werror)
CFLAGS ?= -O2 -g -fstack-protector-strong -D_FORTIFY_SOURCE=2
ALL_CFLAGS := -std=c11 -D_GNU_SOURCE $(WARNINGS) -fPIE -Isrc -I. -DTOKENROLL_VERSION='"$(VERSION)"' \
	-DSHARE_DIR='"$(PREFIX)/share/tokenroll"' -DLIBEXEC_DIR='"$(PREFIX)/libexec/tokenroll"' -DSYSCONF_DIR='"$(SYSCONFDIR)/tokenroll"' $(PKG_CFLAGS) $(CFLAGS)
ALL_LDFLAGS := -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(LDFLAGS)

SRC := $(wildcard src/*.c src/*/*.c pkcs11/*.c)
OBJ := $(SRC:%.c=$(BUILD)/%.o)
# all below main, the roles and the verbs; each program takes from it what it uses and is linked with no library more
LIB := $(BUILD)/libtokenroll.a
LIB_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(wildcard src/*/*.c pkcs11/*.c))
ROLES := worker signer hsm-signer courier mailer letter enroller watcher vpn vpn-ask vpn-reply vpn-watch
ROLE_OBJ := $(patsubst %,$(BUILD)/src/%.o,$(subst -,_,$(ROLES)))
ROLE_PROGRAMS := $(ROLES:%=$(BUILD)/tokenroll-%)

# where a program that is not installed finds them, beside itself
BESIDE := profiles templates tokenroll.conf.example
all: $(BUILD)/tokenroll $(ROLE_PROGRAMS) $(BESIDE:%=$(BUILD)/%) $(BUILD)/55-tokenroll.rules

$(BUILD)/profiles: SHIPPED = pkcs11/profiles
$(BUILD)/templates: SHIPPED = templates
$(BUILD)/tokenroll.conf.example: SHIPPED = src/tokenroll.conf.example
$(BESIDE:%=$(BUILD)/%):
	@mkdir -p $(@D)
	$(Q)ln -sfn "$(abspath $(SHIPPED))" $@

$(BUILD)/55-tokenroll.rules: udev/rules.awk udev/devices.table
	@mkdir -p $(@D)
	$(Q)awk -f $^ >$@.new && mv $@.new $@

# where p11-kit keeps what packages register, and their modules
$(BUILD)/pkcs11/registry.o: ALL_CFLAGS += -DP11_MODULE_CONFIGS='"$(shell pkg-config --variable=p11_module_configs p11-kit-1 2>/dev/null)"' \
	-DP11_MODULE_PATH='"$(shell pkg-config --variable=p11_module_path p11-kit-1 2>/dev/null)"'

$(LIB): $(LIB_OBJ)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(BUILD)/tokenroll: $(filter-out $(ROLE_OBJ) $(LIB_OBJ),$(OBJ)) $(LIB)
	@echo "  LD    $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

$(BUILD)/tokenroll-hsm-signer: $(BUILD)/src/hsm_signer.o
$(BUILD)/tokenroll-vpn-ask: $(BUILD)/src/vpn_ask.o
$(BUILD)/tokenroll-vpn-reply: $(BUILD)/src/vpn_reply.o
$(BUILD)/tokenroll-vpn-watch: $(BUILD)/src/vpn_watch.o
$(filter-out %-hsm-signer %-vpn-ask %-vpn-reply %-vpn-watch,$(ROLE_PROGRAMS)): $(BUILD)/tokenroll-%: $(BUILD)/src/%.o
$(ROLE_PROGRAMS): $(LIB)
	@echo "  LD    $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(LIB) $(PKG_LIBS)

$(BUILD)/%.o: %.c $(BUILD)/flags
	@echo "  CC    $<"
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# changes when the compiler's flags do, so that e.g. another PREFIX builds anew; without the libraries it stops here,
# where it can say what to install, and not at the first header that is missing
export BUILD_FLAGS := $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS)
$(BUILD)/flags: FORCE
	$(if $(PKG_LIBS),,@tests/lib/packages.sh need build && pkg-config --print-errors --exists $(PKGS))
	@mkdir -p $(@D)
	@printf '%s\n' "$$BUILD_FLAGS" | cmp -s - $@ || printf '%s\n' "$$BUILD_FLAGS" >$@

# ---- tests

# one program per promise; each links everything below the verbs
UNIT := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/*.c))
# a program looks for the roles beside itself
UNIT_ROLES := $(ROLES:%=$(BUILD)/tests/unit/tokenroll-%)
unit: $(UNIT) $(UNIT_ROLES)
$(UNIT_ROLES): $(BUILD)/tests/unit/%: $(BUILD)/%
	@mkdir -p $(@D)
	$(Q)ln -sf ../../$* $@
$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(LIB)
	@echo "  LD    $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS) -lcmocka

# it is killed while it migrates
$(BUILD)/tests/unit/store_upgrade_test: | $(BUILD)/tests/fault/libkillat.so

# a PKCS#11 module that misbehaves on demand, and tools that look at a token
FAULT := $(patsubst %,$(BUILD)/tests/fault/%,libfaulty.so libkillat.so libdayclock.so libnosy.so liboaep.so tokendump tokenfill)
fault: $(FAULT)
FAULTY_SRC := $(patsubst %,tests/fault/%.c,faulty counter events names pad rule)
$(BUILD)/tests/fault/libfaulty.so: $(FAULTY_SRC) $(wildcard tests/fault/*.h) $(BUILD)/flags
	@echo "  LD    $@"
	@mkdir -p $(@D)
	$(Q)$(CC) $(filter-out -fsanitize% -fno-sanitize% -fPIE,$(ALL_CFLAGS)) -fPIC -fvisibility=hidden -shared -o $@ $(FAULTY_SRC) -ldl -lpthread
PRELOADED := $(patsubst %,$(BUILD)/tests/fault/lib%.so,killat dayclock)
$(PRELOADED): $(BUILD)/tests/fault/lib%.so: tests/fault/%.c $(BUILD)/flags
	@echo "  LD    $@"
	@mkdir -p $(@D)
	$(Q)$(CC) $(filter-out -fsanitize% -fno-sanitize% -fPIE -D_FORTIFY_SOURCE%,$(ALL_CFLAGS)) -fPIC -shared -o $@ $< -ldl
$(BUILD)/tests/fault/libnosy.so: tests/fault/nosy.c $(BUILD)/flags
	@echo "  LD    $@"
	@mkdir -p $(@D)
	$(Q)$(CC) $(filter-out -fsanitize% -fno-sanitize% -fPIE,$(ALL_CFLAGS)) -fPIC -fvisibility=hidden -shared -o $@ $< -ldl
$(BUILD)/tests/fault/liboaep.so: tests/fault/oaep.c $(BUILD)/flags
	@echo "  LD    $@"
	@mkdir -p $(@D)
	$(Q)$(CC) $(filter-out -fsanitize% -fno-sanitize% -fPIE,$(ALL_CFLAGS)) -Wno-deprecated-declarations -fPIC -fvisibility=hidden -shared -o $@ $< -ldl -lcrypto
$(BUILD)/tests/fault/token%: $(BUILD)/tests/fault/token%.o $(patsubst %,$(BUILD)/tests/fault/%.o,names session)
	@echo "  LD    $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS) -ldl
# virtual cards, and what plugs them into a pcscd of their own
CARD_PROGRAMS := card cardctl stand readers
CARDS := $(CARD_PROGRAMS:%=$(BUILD)/tests/cards/%) $(BUILD)/tests/cards/libquick.so
cards: $(CARDS)
CARD_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(filter-out $(patsubst %,tests/cards/%.c,cardctl stand readers quick),$(wildcard tests/cards/*.c)))
$(BUILD)/tests/cards/card: $(CARD_OBJ)
$(BUILD)/tests/cards/stand: $(patsubst %,$(BUILD)/tests/cards/%.o,stand background net)
$(BUILD)/tests/cards/cardctl: $(BUILD)/tests/cards/cardctl.o
$(BUILD)/tests/cards/readers: $(patsubst %,$(BUILD)/tests/cards/%.o,readers bytes)
$(CARD_PROGRAMS:%=$(BUILD)/tests/cards/%):
	@echo "  LD    $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(if $(filter %/card %/readers,$@),-lcrypto) $(if $(filter %/readers,$@),$(shell pkg-config --libs libpcsclite))
$(BUILD)/tests/cards/readers.o: ALL_CFLAGS += $(shell pkg-config --cflags libpcsclite 2>/dev/null)
$(BUILD)/tests/cards/libquick.so: tests/cards/quick.c $(BUILD)/flags
	@echo "  LD    $@"
	@mkdir -p $(@D)
	$(Q)$(CC) $(filter-out -fsanitize% -fno-sanitize% -fPIE,$(ALL_CFLAGS)) -fPIC -shared -o $@ $<

$(BUILD)/tests/bench/%: $(BUILD)/tests/bench/%.o
	@echo "  LD    $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS) -ldl

deps:
	$(Q)tests/lib/packages.sh install build demo test lint

demo:
	$(Q)BUILD="$(BUILD)" MAKE="$(MAKE)" tests/demo/demo.sh

JOBS ?= $(shell nproc 2>/dev/null || echo 2)
# one more than there are processors, because tests wait for disks and cards; their own calls of make must not take part
# in this one's job server
PROVE = env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL BUILD="$$(realpath $(BUILD))" \
	TOKENROLL="$$(realpath $(BUILD))/tokenroll" prove --timer -j$$(($(JOBS) + 1)) --exec tests/lib/run-test.sh
BATS := $(sort $(wildcard tests/*/*.bats))

check:
	$(Q)tests/lib/packages.sh install build demo test
	$(Q)tests/lib/packages.sh try browser
	$(Q)+$(MAKE) --no-print-directory -j$(JOBS) all unit fault cards
	$(Q)$(PROVE) $(BATS) $(UNIT)

check-all: export TOKENROLL_ALL := 1
check-all: check

# hours at a station: many people, and everything that goes wrong
soak: export TOKENROLL_SOAK := 1
soak:
	$(Q)tests/lib/packages.sh install build demo test
	$(Q)+$(MAKE) --no-print-directory -j$(JOBS) all unit fault cards
	$(Q)$(PROVE) tests/station/robot.bats tests/station/soak.bats

SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined
asan:
	$(Q)tests/lib/packages.sh install build demo test
	$(Q)+$(MAKE) --no-print-directory -j$(JOBS) BUILD=$(BUILD)/asan \
		CFLAGS="-O1 -g -fno-omit-frame-pointer $(SANITIZE)" LDFLAGS="$(SANITIZE)" all unit fault asan-run
asan-run: all unit fault
	$(Q)$(PROVE) $(UNIT) $(sort $(wildcard tests/cli/*.bats))

lint:
	$(Q)tests/lib/packages.sh install build test lint
	$(Q)+$(MAKE) --no-print-directory -j$(JOBS) WERROR=1 BUILD=$(BUILD)/lint all unit fault cards
	$(Q)CFLAGS_FOR_LINT="$$BUILD_FLAGS" tests/lint/lint.sh

bench:
	$(Q)tests/lib/packages.sh install build demo test
	$(Q)+$(MAKE) --no-print-directory -j$(JOBS) all cards $(BUILD)/tests/bench/bare
	$(Q)BUILD="$(BUILD)" tests/bench/bench.sh

# ---- install

ROOT = $(DESTDIR)$(PREFIX)
# the manual and the example name the places of this installation
PLACES = sed -e 's|/usr/local/|$(PREFIX)/|g' -e 's|/etc/tokenroll|$(SYSCONFDIR)/tokenroll|g'
UNITS = $(wildcard udev/*.service udev/*.timer)
# what the system's other services read, from where they read it
SYSTEM = $(UNITS:udev/%="$(DESTDIR)$(UNITDIR)/%") "$(DESTDIR)$(RULESDIR)/55-tokenroll.rules" \
	"$(DESTDIR)$(RULESDIR)/90-tokenroll-start.rules" "$(DESTDIR)$(SYSUSERSDIR)/tokenroll.conf" \
	"$(DESTDIR)$(POLKITDIR)/60-tokenroll.rules" "$(DESTDIR)$(AUTOSTARTDIR)/tokenroll-vpn-ask.desktop"
install: all
	install -d "$(ROOT)/bin" "$(ROOT)/libexec/tokenroll" "$(ROOT)/share/man/man8" "$(ROOT)/share/tokenroll/templates" "$(ROOT)/share/tokenroll/profiles" "$(ROOT)/share/doc/tokenroll"
	install -m 0755 $(BUILD)/tokenroll "$(ROOT)/bin/tokenroll"
	install -m 0755 $(ROLE_PROGRAMS) "$(ROOT)/libexec/tokenroll"
	$(PLACES) src/tokenroll.8 | install -m 0644 /dev/stdin "$(ROOT)/share/man/man8/tokenroll.8"
	install -m 0644 $(wildcard templates/*) "$(ROOT)/share/tokenroll/templates"
	$(PLACES) pkcs11/profiles/README | install -m 0644 /dev/stdin "$(ROOT)/share/tokenroll/profiles/README"
	install -m 0644 $(wildcard pkcs11/profiles/*.conf) "$(ROOT)/share/tokenroll/profiles"
	$(PLACES) src/tokenroll.conf.example | install -m 0644 /dev/stdin "$(ROOT)/share/tokenroll/tokenroll.conf.example"
	ln -sf ../../tokenroll/tokenroll.conf.example "$(ROOT)/share/doc/tokenroll/tokenroll.conf.example"
	install -m 0644 README.md LICENSE "$(ROOT)/share/doc/tokenroll"
	install -d "$(DESTDIR)$(UNITDIR)"
	$(foreach unit,$(UNITS),$(PLACES) $(unit) | install -m 0644 /dev/stdin "$(DESTDIR)$(UNITDIR)/$(notdir $(unit))" &&) :
	mkdir -p "$(DESTDIR)$(RULESDIR)" "$(DESTDIR)$(SYSUSERSDIR)" "$(DESTDIR)$(POLKITDIR)" "$(DESTDIR)$(AUTOSTARTDIR)"
	install -m 0644 $(BUILD)/55-tokenroll.rules "$(DESTDIR)$(RULESDIR)/55-tokenroll.rules"
	$(PLACES) udev/90-tokenroll-start.rules | install -m 0644 /dev/stdin "$(DESTDIR)$(RULESDIR)/90-tokenroll-start.rules"
	install -m 0644 udev/tokenroll.sysusers "$(DESTDIR)$(SYSUSERSDIR)/tokenroll.conf"
	$(PLACES) udev/tokenroll.polkit | install -m 0644 /dev/stdin "$(DESTDIR)$(POLKITDIR)/60-tokenroll.rules"
	$(PLACES) udev/tokenroll-vpn-ask.desktop | install -m 0644 /dev/stdin "$(DESTDIR)$(AUTOSTARTDIR)/tokenroll-vpn-ask.desktop"

uninstall:
	rm -f "$(ROOT)/bin/tokenroll" "$(ROOT)/share/man/man8/tokenroll.8"
	rm -f $(SYSTEM)
	rm -rf "$(ROOT)/libexec/tokenroll" "$(ROOT)/share/tokenroll" "$(ROOT)/share/doc/tokenroll"

clean:
	rm -rf $(BUILD)

help:
	@echo "make             build $(BUILD)/tokenroll"
	@echo "make demo        a company, a token and a VPN connection on this machine, in $(BUILD)/demo"
	@echo "make check       install what the tests need, build, run every test (make check-all: all key types)"
	@echo "make soak        a station for long: forty people who connect, a thousand tokens, kills and pulls at random"
	@echo "make asan        unit and command line tests with the address and undefined behaviour sanitizers"
	@echo "make lint        clang-tidy, cppcheck, shellcheck, layers, headers, format, table of devices, man page"
	@echo "make bench       speed, and what is asked of cards, against the hand-made chain and easy-rsa alone"
	@echo "make install     to DESTDIR=$(DESTDIR) PREFIX=$(PREFIX); configuration is read from SYSCONFDIR=$(SYSCONFDIR)"
	@echo "make uninstall   takes it away again"
	@echo "make deps        only install what all of these need (Debian packages; elsewhere see tests/lib/packages.sh)"
	@echo "make clean       remove $(BUILD)"
	@echo "V=1 shows the commands, BUILD=DIR builds elsewhere, DEPS=no installs nothing."

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
.PHONY: all unit fault cards deps demo check check-all soak asan asan-run lint bench install uninstall clean help FORCE
.SECONDARY:
