# tokenroll. `make` builds, `make demo` shows, `make check` tests, `make help` lists the rest.

V ?= 0
Q := $(if $(filter 1,$(V)),,@)
BUILD ?= build
PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
VERSION := 0.1.0

CC ?= cc
PKGS := libcrypto libp11 p11-kit-1 sqlite3 libarchive libcurl inih jansson libbsd
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS := $(shell pkg-config --libs $(PKGS) 2>/dev/null)
WARNINGS := -Wall -Wextra -Wshadow -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings \
	-Wformat=2 -Wno-format-truncation -Wundef -Wvla -Wcast-qual $(if $(CI),-Werror)
CFLAGS ?= -O2 -g -fstack-protector-strong -D_FORTIFY_SOURCE=2
ALL_CFLAGS := -std=c11 -D_GNU_SOURCE $(WARNINGS) -fPIE -Isrc -I. -DTOKENROLL_VERSION='"$(VERSION)"' \
	-DSHARE_DIR='"$(PREFIX)/share/tokenroll"' -DSYSCONF_DIR='"$(SYSCONFDIR)/tokenroll"' $(PKG_CFLAGS) $(CFLAGS)
ALL_LDFLAGS := -pie -Wl,-z,relro,-z,now $(LDFLAGS)

SRC := $(wildcard src/*.c src/*/*.c pkcs11/*.c)
OBJ := $(SRC:%.c=$(BUILD)/%.o)
LIB_OBJ := $(filter-out $(BUILD)/src/main.o,$(OBJ))

all: $(BUILD)/tokenroll

$(BUILD)/tokenroll: $(OBJ)
	@echo "  LD    $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

$(BUILD)/%.o: %.c Makefile
	@echo "  CC    $<"
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# one program per promise; each links everything but main
UNIT := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/*.c))
unit: $(UNIT)
$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(LIB_OBJ)
	@echo "  LD    $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS) -lcmocka

clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
.PHONY: all unit clean
.SECONDARY:
