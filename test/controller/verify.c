// Verifies signed statements as a controller has to, in C99 over libcrypto: what an ESP32 does with mbedTLS instead.
// Reads lines of "KIND PUBLIC-KEY STATEMENT", the last two in hex, and answers each with its claims or "refused".
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { UNSIGNED, NEGATIVE, BYTES, TEXT, ARRAY, MAP };
typedef struct { const uint8_t *at, *end; } reader;
typedef struct { const uint8_t *at; size_t length; } span;

// Reads the head of an item: its type, and its value or length in the shortest form. Returns 0 for anything else.
static int head(reader *r, int *type, uint64_t *value) {
  if (r->at == r->end) return 0;
  *type = *r->at >> 5;
  int info = *r->at++ & 31;
  *value = (uint64_t)info;
  if (info < 24) return 1;
  if (info > 27 || r->end - r->at < (1 << (info - 24))) return 0;
  *value = 0;
  for (int left = 1 << (info - 24); left > 0; left--) *value = *value << 8 | *r->at++;
  static const uint64_t least[] = {24, 1u << 8, 1u << 16, UINT64_C(1) << 32};
  return *value >= least[info - 24] && *value < (UINT64_C(1) << 53) - 1;
}

static int string(reader *r, int type, span *s) {
  int found;
  uint64_t length;
  if (!head(r, &found, &length) || found != type || length > (size_t)(r->end - r->at)) return 0;
  *s = (span){r->at, (size_t)length};
  r->at += length;
  return 1;
}

// The claims of each kind in the order of their labels; '?' is the attempt of a report, which may be missing.
typedef struct { int64_t label; char form; } claim;
#define KIND {-70004, 'k'}
static const claim knock[] = {{3, '8'}, KIND, {-70006, 'c'}, {-70009, 'n'}, {0, 0}};
static const claim command[] = {{3, '8'}, {4, 'e'}, {6, 't'}, {10, 'n'}, KIND, {-70009, 'n'}, {0, 0}};
static const claim report[] = {{3, '8'}, {6, 't'}, KIND, {-70006, 'c'}, {-70007, 'h'}, {-70008, 'r'},
                               {-70009, '?'}, {-70011, 'b'}, {0, 0}};
static const claim enrolment[] = {{10, 'n'}, KIND, {-70012, 'p'}, {0, 0}};
static const claim succession[] = {{6, 't'}, KIND, {-70012, 'p'}, {0, 0}};
static const claim *const kinds[9] = {0, 0, knock, command, report, 0, 0, enrolment, succession};

static int is_result(span s) {
  static const char *const results[] = {"started", "opening", "released", "unlocked", "motor_blocked",
                                        "command_failed", "interrupted", "opened_unasked"};
  for (size_t i = 0; i < sizeof results / sizeof *results; i++)
    if (strlen(results[i]) == s.length && memcmp(results[i], s.at, s.length) == 0) return 1;
  return 0;
}

static int integer_claim(reader *r, char form, uint64_t kind, uint64_t *expires, char **out) {
  int type;
  uint64_t value;
  if (!head(r, &type, &value) || type != UNSIGNED) return 0;
  if (form == 'e') *expires = value;
  if (form == 't' && kind == 3 && *expires != value + 10) return 0;
  *out += sprintf(*out, "%llu", (unsigned long long)value);
  return form == 'k' ? value == kind : form == 'b' ? value <= 1 : form != 'c' || value >= 1;
}

static int string_claim(reader *r, char form, char **out) {
  span s;
  if (!string(r, form == 'r' ? TEXT : BYTES, &s)) return 0;
  if (form == 'r') *out += sprintf(*out, "%.*s", is_result(s) ? (int)s.length : 0, (const char *)s.at);
  else for (size_t i = 0; i < s.length; i++) *out += sprintf(*out, "%02x", s.at[i]);
  size_t length = form == '8' ? 8 : form == 'h' ? 32 : form == 'p' ? 65 : 16;
  return form == 'r' ? is_result(s) : s.length == length && (form != 'p' || s.at[0] == 4);
}

// Checks that a payload has exactly the claims of a kind, and writes them as text.
static int claims(span payload, int kind, char *out) {
  reader r = {payload.at, payload.at + payload.length};
  int type, count = 0, absent = 0;
  uint64_t entries, expires = 0, label;
  if (kind < 0 || kind > 8 || !kinds[kind] || !head(&r, &type, &entries) || type != MAP) return 0;
  for (const claim *c = kinds[kind]; c->form; c++, count++) {
    reader before = r;
    if (!head(&r, &type, &label) || type != (c->label < 0)) return 0;
    if ((int64_t)label != (c->label < 0 ? -1 - c->label : c->label)) {
      if (c->form != '?') return 0;
      r = before;
      absent = 1;
      continue;
    }
    out += sprintf(out, "%s%lld=", count ? " " : "", (long long)c->label);
    int is_integer = strchr("etkcb", c->form) != NULL;
    if (is_integer && !integer_claim(&r, c->form, (uint64_t)kind, &expires, &out)) return 0;
    if (!is_integer && !string_claim(&r, c->form, &out)) return 0;
  }
  return r.at == r.end && entries == (uint64_t)(count - absent);
}

static int verify(const uint8_t *key, const uint8_t *signed_bytes, size_t length, const uint8_t *rs) {
  // Half the order of the group: of (r, s) and (r, n - s), only the one with the lower s counts.
  static const uint8_t half[32] = {
      0x7f, 0xff, 0xff, 0xff, 0x80, 0x00, 0x00, 0x00, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xde, 0x73, 0x7d, 0x56, 0xd3, 0x8b, 0xcf, 0x42, 0x79, 0xdc, 0xe5, 0x61, 0x7e, 0x31, 0x92, 0xa8};
  if (memcmp(rs + 32, half, 32) > 0) return 0;
  OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0),
                         OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)key, 65),
                         OSSL_PARAM_construct_end()};
  EVP_PKEY_CTX *making = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
  EVP_PKEY *pkey = NULL;
  ECDSA_SIG *sig = ECDSA_SIG_new();
  ECDSA_SIG_set0(sig, BN_bin2bn(rs, 32, NULL), BN_bin2bn(rs + 32, 32, NULL));
  uint8_t *der = NULL;
  int der_length = i2d_ECDSA_SIG(sig, &der), ok = 0;
  EVP_MD_CTX *ctx = EVP_MD_CTX_new();
  if (EVP_PKEY_fromdata_init(making) == 1 &&
      EVP_PKEY_fromdata(making, &pkey, EVP_PKEY_PUBLIC_KEY, params) == 1 &&
      EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, pkey) == 1)
    ok = EVP_DigestVerify(ctx, der, (size_t)der_length, signed_bytes, length) == 1;
  EVP_MD_CTX_free(ctx), OPENSSL_free(der), ECDSA_SIG_free(sig), EVP_PKEY_free(pkey), EVP_PKEY_CTX_free(making);
  return ok;
}

// Opens an untagged COSE_Sign1: [h'a10126', {}, payload, signature]. Writes its claims as text.
static int open_statement(int kind, const uint8_t *key, const uint8_t *bytes, size_t length, char *out) {
  static const uint8_t start[] = {0x84, 0x43, 0xa1, 0x01, 0x26, 0xa0};
  uint8_t tbs[600] = {0x84, 0x6a, 'S', 'i', 'g', 'n', 'a', 't', 'u', 'r', 'e', '1', 0x43, 0xa1, 0x01, 0x26, 0x40};
  if (length > 512 || length < sizeof start || memcmp(bytes, start, sizeof start) != 0) return 0;
  reader r = {bytes + sizeof start, bytes + length};
  const uint8_t *item = r.at;
  span payload, signature;
  if (!string(&r, BYTES, &payload)) return 0;
  size_t item_length = (size_t)(r.at - item);
  if (!string(&r, BYTES, &signature) || signature.length != 64 || r.at != r.end) return 0;
  memcpy(tbs + 17, item, item_length);
  return claims(payload, kind, out) && verify(key, tbs, 17 + item_length, signature.at);
}

static size_t from_hex(const char *hex, uint8_t *out) {
  size_t length = strlen(hex) / 2;
  for (size_t i = 0; i < length; i++)
    out[i] = (uint8_t)strtoul((char[]){hex[2 * i], hex[2 * i + 1], 0}, NULL, 16);
  return length;
}

int main(void) {
  static char line[1 << 16], key_hex[1 << 16], hex[1 << 16], out[2048];
  for (int kind; fgets(line, sizeof line, stdin);) {
    hex[0] = 0;
    if (sscanf(line, "%d %s %s", &kind, key_hex, hex) < 2 || strlen(key_hex) != 130) return 2;
    uint8_t key[65], *bytes = malloc(strlen(hex) / 2 + 1);
    from_hex(key_hex, key);
    // Exactly as large as the statement, so that a sanitizer sees each byte that is read beyond it.
    size_t length = from_hex(hex, bytes);
    bytes = realloc(bytes, length ? length : 1);
    puts(open_statement(kind, key, bytes, length, out) ? out : "refused");
    free(bytes);
  }
  return 0;
}
