// What Debian's libstdc++ and libgcc take from glibc and musl does not have, for a Node that was
// built with musl. It is itself loaded as libstdc++.so.6, and loads Debian's behind it: what is
// here comes before what musl has of the same name.
#define _GNU_SOURCE
#include <ctype.h>
#include <link.h>
#include <locale.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

char __libc_single_threaded = 0;
unsigned __cpu_model[4];
int __cpu_indicator_init(void) { return 0; }

uint32_t arc4random(void) {
  uint32_t value;
  if (getrandom(&value, sizeof value, 0) != sizeof value) abort();
  return value;
}

size_t __strftime_l(char *text, size_t size, const char *format, const struct tm *tm,
                    locale_t locale) {
  return strftime_l(text, size, format, tm, locale);
}

int __pthread_key_create(pthread_key_t *key, void (*end)(void *)) {
  return pthread_key_create(key, end);
}

// libstdc++ looks into a locale for the tables of the kinds of characters, behind what musl has.
const unsigned short **__ctype_b_loc(void);
const int32_t **__ctype_tolower_loc(void);
const int32_t **__ctype_toupper_loc(void);

struct glibc_locale {
  void *categories[13];
  const unsigned short *kinds;
  const int32_t *lower, *upper;
  const char *names[13];
};

locale_t __newlocale(int mask, const char *name, locale_t base) {
  locale_t own = newlocale(mask, name, base);
  if (!own) return 0;
  struct glibc_locale *locale = calloc(1, sizeof *locale);
  memcpy(locale, own, 6 * sizeof(void *));
  locale->kinds = *__ctype_b_loc();
  locale->lower = *__ctype_tolower_loc();
  locale->upper = *__ctype_toupper_loc();
  for (int i = 0; i < 13; i++) locale->names[i] = "C";
  return (locale_t)locale;
}

locale_t __duplocale(locale_t old) {
  return memcpy(malloc(sizeof(struct glibc_locale)), old, sizeof(struct glibc_locale));
}

void __freelocale(locale_t old) { free(old); }

// What a thread's variables do at its end.
struct ending {
  void (*run)(void *);
  void *object;
  struct ending *next;
};
static pthread_key_t endings;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void run_all(void *first) {
  for (struct ending *at = first; at;) {
    struct ending *next = at->next;
    at->run(at->object);
    free(at);
    at = next;
  }
}

static void make_key(void) { pthread_key_create(&endings, run_all); }

int __cxa_thread_atexit_impl(void (*run)(void *), void *object, void *library) {
  pthread_once(&once, make_key);
  struct ending *first = malloc(sizeof *first);
  *first = (struct ending){run, object, pthread_getspecific(endings)};
  return pthread_setspecific(endings, first);
}

// Where an exception finds how to leave the function at an address.
struct found {
  uint64_t flags;
  void *start, *end, *map, *eh_frame;
  uint64_t reserved[7];
};
struct wanted {
  uintptr_t address;
  struct found *found;
};

static int look(struct dl_phdr_info *info, size_t size, void *data) {
  struct wanted *wanted = data;
  uintptr_t frames = 0, start = 0, end = 0;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *part = &info->dlpi_phdr[i];
    uintptr_t at = info->dlpi_addr + part->p_vaddr;
    if (part->p_type == PT_GNU_EH_FRAME) frames = at;
    if (part->p_type != PT_LOAD || wanted->address < at) continue;
    if (wanted->address >= at + part->p_memsz) continue;
    start = at;
    end = at + part->p_memsz;
  }
  if (!start || !frames) return 0;
  *wanted->found = (struct found){0, (void *)start, (void *)end, 0, (void *)frames, {0}};
  return 1;
}

int _dl_find_object(void *address, struct found *found) {
  struct wanted wanted = {(uintptr_t)address, found};
  return dl_iterate_phdr(look, &wanted) ? 0 : -1;
}

// std::string::_M_replace_cold of a later libstdc++: `length` bytes at `to` become `text`, which may
// be a part of the same string; `after` bytes follow them.
void _ZNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEE15_M_replace_coldEPcmPKcmm(
    void *self, char *to, size_t length, const char *text, size_t bytes, size_t after) {
  if (bytes && bytes <= length) memmove(to, text, bytes);
  if (after && length != bytes) memmove(to + bytes, to + length, after);
  if (bytes <= length) return;
  if (text + bytes <= to + length) {
    memmove(to, text, bytes);
  } else if (text >= to + length) {
    memcpy(to, text + (bytes - length), bytes);
  } else {
    size_t left = to + length - text;
    memmove(to, text, left);
    memcpy(to + left, to + bytes, bytes - left);
  }
}
