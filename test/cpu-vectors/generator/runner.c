/*
 * Executes single instructions on the real CPU and reports what they did.
 *
 *   runner CASES RESULTS
 *
 * Both files are written and read by generate.ts; the records are little-endian and packed (struct test_case,
 * struct result below). One signal handler does everything: it notes the state that the last case left behind,
 * writes the state of the next one into the signal frame and returns, so that sigreturn(2) loads all registers at
 * once. A case ends with a single-step trap (TF), with the INT3 placed after it, or with the fault it raised.
 *
 * The same layout of memory is rebuilt by the replay (test/cpu-vectors/layout.ts):
 *
 *   CODE      2 pages, read + execute; the pages before and behind are not mapped
 *   DATA      2 pages read + write, 1 page read only; the pages before and behind are not mapped
 *
 * Only 64-bit mode: nothing here switches to compatibility mode. What compatibility mode has in common with 64-bit
 * mode is replayed in both (see case.ts, "as 32-bit").
 *
 * Link statically: nothing here may use thread-local storage or x87/SSE between start and end of a batch: FS points into DATA.
 */
#define _GNU_SOURCE
#include <asm/prctl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <fcntl.h>
#include <ucontext.h>
#include <unistd.h>

#define CODE 0x10000000ul
#define CODE_SIZE 0x2000ul
#define DATA 0x10010000ul
#define DATA_SIZE 0x3000ul
#define DATA_WRITABLE 0x2000ul
#define FS_BASE 0x10000000ul
#define GS_BASE 0x123456789000ul
#define FLAG_TF 0x100ul
#define FLAG_RF 0x10000ul

struct __attribute__((packed)) test_case {
  uint8_t reserved;
  uint8_t method;   /* 0: single-step; 1: INT3 follows the instruction */
  uint8_t has_fpu;  /* 512 bytes in FXSAVE format follow the registers */
  uint8_t code_length;
  uint32_t code_address;
  uint32_t window_address;
  uint32_t flags;
  uint8_t code[16];
  uint16_t window_length;
  uint16_t padding[3];
  uint64_t gpr[16]; /* rax rcx rdx rbx rsp rbp rsi rdi r8 … r15 */
  uint8_t rest[];   /* FXSAVE image if has_fpu, then the window's bytes */
};

#define DIFF_SPACE 1024
struct __attribute__((packed)) result {
  uint32_t trap; /* vector; 256 when the instruction completed */
  uint32_t error;
  uint64_t cr2, rip, flags;
  uint64_t gpr[16];
  uint8_t fpu[512];
  uint16_t diff_length; /* bytes used in diff: entries of u16 offset in DATA, u16 length, bytes */
  uint8_t diff[DIFF_SPACE];
};

static uint8_t *code_alias, *data_alias;
static uint8_t pattern[DATA_SIZE];
static const uint8_t *cursor, *cases_end;
static const struct test_case *current;
static struct result *results;
static size_t result_count;
static int started;
static greg_t saved[NGREG];

static const int gpr_index[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                  REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

static void note_result(ucontext_t *context) {
  const greg_t *g = context->uc_mcontext.gregs;
  /* The case may have loaded them. */
  __asm__ volatile("mov %0, %%ds; mov %0, %%es" ::"r"(0x2b));
  struct result *r = &results[result_count++];
  r->trap = (uint32_t)g[REG_TRAPNO];
  r->error = (uint32_t)g[REG_ERR];
  r->cr2 = (uint64_t)g[REG_CR2];
  r->rip = (uint64_t)g[REG_RIP];
  r->flags = (uint64_t)g[REG_EFL] & ~(FLAG_TF | FLAG_RF);
  if (r->trap == 1 && current->method == 0) r->trap = 256;
  if (r->trap == 3 && current->method == 1 && r->rip == current->code_address + current->code_length + 1ul) {
    r->trap = 256;
    r->rip--;
  }
  if (r->trap != 14) r->cr2 = 0;
  if (r->trap == 256) r->error = 0;
  for (int i = 0; i < 16; i++) r->gpr[i] = (uint64_t)g[gpr_index[i]];
  if (current->has_fpu) memcpy(r->fpu, context->uc_mcontext.fpregs, 512);

  /* What the instruction stored, and back to the pattern. */
  const uint8_t *window = current->rest + (current->has_fpu ? 512 : 0);
  unsigned window_start = current->window_address - DATA;
  unsigned used = 0;
  memcpy(pattern + window_start, window, current->window_length);
  if (memcmp(pattern, data_alias, DATA_WRITABLE) != 0) {
    for (unsigned at = 0; at < DATA_WRITABLE; at++) {
      if (pattern[at] == data_alias[at]) continue;
      unsigned end = at + 1, last = end;
      while (end < DATA_WRITABLE && end - last < 4) {
        if (pattern[end] != data_alias[end]) last = end + 1;
        end++;
      }
      uint16_t head[2] = {(uint16_t)at, (uint16_t)(last - at)};
      if (used + 4 + head[1] > DIFF_SPACE) __builtin_trap();
      memcpy(r->diff + used, head, 4);
      memcpy(r->diff + used + 4, data_alias + at, head[1]);
      memcpy(data_alias + at, pattern + at, head[1]);
      used += 4 + head[1];
      at = last;
    }
  }
  r->diff_length = (uint16_t)used;
  extern uint8_t background[];
  memcpy(pattern + window_start, background + window_start, current->window_length);
  memcpy(data_alias + window_start, background + window_start, current->window_length);
  memset(code_alias + (current->code_address - CODE), 0xcc,
         current->code_address - CODE + 16 > CODE_SIZE ? CODE_SIZE - (current->code_address - CODE) : 16);
}

uint8_t background[DATA_SIZE];

static void load_case(ucontext_t *context) {
  greg_t *g = context->uc_mcontext.gregs;
  current = (const struct test_case *)cursor;
  const uint8_t *window = current->rest + (current->has_fpu ? 512 : 0);
  cursor = window + current->window_length;
  memcpy(data_alias + (current->window_address - DATA), window, current->window_length);
  size_t room = CODE_SIZE - (current->code_address - CODE);
  memcpy(code_alias + (current->code_address - CODE), current->code,
         current->code_length < room ? current->code_length : room);
  for (int i = 0; i < 16; i++) g[gpr_index[i]] = (greg_t)current->gpr[i];
  g[REG_RIP] = current->code_address;
  g[REG_EFL] = (greg_t)(current->flags | (current->method == 0 ? FLAG_TF : 0));
  if (current->has_fpu) {
    uint8_t *area = (uint8_t *)context->uc_mcontext.fpregs;
    memcpy(area, current->rest, 416); /* bytes 464 on are the kernel's */
    uint64_t present;
    memcpy(&present, area + 512, 8);
    present |= 3;
    memcpy(area + 512, &present, 8);
  }
}

static void handler(int signal, siginfo_t *info, void *opaque) {
  ucontext_t *context = opaque;
  (void)signal;
  (void)info;
  if (!started) {
    started = 1;
    memcpy(saved, context->uc_mcontext.gregs, sizeof saved);
  } else {
    note_result(context);
  }
  if (cursor < cases_end) {
    load_case(context);
  } else {
    memcpy(context->uc_mcontext.gregs, saved, sizeof saved);
    context->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)FLAG_TF;
  }
}

static void *map_twice(const char *name, unsigned long address, size_t size, int protection) {
  int fd = memfd_create(name, 0);
  if (fd < 0 || ftruncate(fd, (off_t)size) != 0) abort();
  void *alias = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
  void *fixed = mmap((void *)address, size, protection, MAP_SHARED | MAP_POPULATE | MAP_FIXED_NOREPLACE, fd, 0);
  if (alias == MAP_FAILED || fixed != (void *)address) {
    perror("mmap");
    exit(1);
  }
  mlock(alias, size);
  mlock(fixed, size);
  return alias;
}

/* Touches every page as the case may, so that the kernel has no lazy mapping left to fill in. */
static void touch(void) {
  for (unsigned long at = DATA; at < DATA + DATA_SIZE; at += 4096) {
    volatile uint8_t *p = (volatile uint8_t *)at;
    uint8_t v = *p;
    if (at < DATA + DATA_WRITABLE) *p = v;
  }
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  int in = open(argv[1], O_RDONLY);
  struct stat status;
  if (in < 0 || fstat(in, &status) != 0) return 1;
  const uint8_t *input = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, in, 0);
  size_t count = 0;
  for (const uint8_t *p = input; p < input + status.st_size; count++) {
    const struct test_case *c = (const struct test_case *)p;
    p = c->rest + (c->has_fpu ? 512 : 0) + c->window_length;
  }
  results = mmap(NULL, count * sizeof *results + 4096, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (results == MAP_FAILED) return 1;

  code_alias = map_twice("code", CODE, CODE_SIZE, PROT_READ | PROT_EXEC);
  data_alias = map_twice("data", DATA, DATA_SIZE, PROT_READ | PROT_WRITE);
  memset(code_alias, 0xcc, CODE_SIZE);
  /* The constant background, the same as in layout.ts: a linear congruential generator's top byte. */
  uint32_t x = 0x2545f491;
  for (unsigned i = 0; i < DATA_SIZE; i++) {
    x = x * 1664525u + 1013904223u;
    background[i] = (uint8_t)(x >> 24);
  }
  memcpy(data_alias, background, DATA_SIZE);
  memcpy(pattern, background, DATA_SIZE);
  touch();
  if (mprotect((void *)(DATA + DATA_WRITABLE), DATA_SIZE - DATA_WRITABLE, PROT_READ) != 0) return 1;
  touch();

  stack_t stack = {.ss_sp = malloc(1 << 17), .ss_size = 1 << 17};
  sigaltstack(&stack, NULL);
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  sigfillset(&action.sa_mask);
  int signals[] = {SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
  for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++) sigaction(signals[i], &action, NULL);

  cursor = input;
  cases_end = input + status.st_size;
  unsigned long old_fs;
  syscall(SYS_arch_prctl, ARCH_GET_FS, &old_fs);
  __asm__ volatile("mov %0, %%ds; mov %0, %%es" ::"r"(0x2b));
  syscall(SYS_arch_prctl, ARCH_SET_GS, GS_BASE);
  __asm__ volatile(
      "mov %[prctl], %%eax; mov %[set], %%edi; mov %[base], %%esi; syscall\n\t"
      "int3\n\t"
      "mov %[prctl], %%eax; mov %[set], %%edi; mov %[old], %%rsi; syscall" ::[prctl] "i"(SYS_arch_prctl),
      [set] "i"(ARCH_SET_FS), [base] "i"(FS_BASE), [old] "b"(old_fs)
      : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory");

  int out = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (out < 0 || result_count != count) return 1;
  const uint8_t *p = (const uint8_t *)results;
  for (size_t left = count * sizeof *results; left > 0;) {
    ssize_t n = write(out, p, left);
    if (n <= 0) return 1;
    p += n;
    left -= (size_t)n;
  }
  return 0;
}
