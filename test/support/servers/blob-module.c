/* A module with one type, for values that a server without it cannot take: BLOB.SET key bytes. The few entries of the
 * modules' interface that it needs are declared here, so that no header has to be had. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct Ctx Ctx;
typedef struct String String;
typedef struct Key Key;
typedef struct Type Type;
typedef struct IO IO;

typedef struct {
  uint64_t version;
  void *(*rdb_load)(IO *, int);
  void (*rdb_save)(IO *, void *);
  void (*aof_rewrite)(IO *, String *, void *);
  size_t (*mem_usage)(const void *);
  void (*digest)(void *, void *);
  void (*free)(void *);
} Methods;

static int (*GetApi)(const char *, void *);
static void (*SetModuleAttribs)(Ctx *, const char *, int, int);
static Type *(*CreateDataType)(Ctx *, const char *, int, Methods *);
static int (*CreateCommand)(Ctx *, const char *, int (*)(Ctx *, String **, int), const char *, int, int, int);
static Key *(*OpenKey)(Ctx *, String *, int);
static void (*CloseKey)(Key *);
static int (*ModuleTypeSetValue)(Key *, Type *, void *);
static const char *(*StringPtrLen)(const String *, size_t *);
static int (*ReplyWithSimpleString)(Ctx *, const char *);
static int (*ReplicateVerbatim)(Ctx *);
static void (*SaveStringBuffer)(IO *, const char *, size_t);
static char *(*LoadStringBuffer)(IO *, size_t *);
static void *(*Alloc)(size_t);
static void (*Free)(void *);

typedef struct {
  size_t length;
  char bytes[];
} Blob;

static Type *blobs;

static Blob *blobOf(const char *bytes, size_t length) {
  Blob *blob = Alloc(sizeof(Blob) + length);
  blob->length = length;
  memcpy(blob->bytes, bytes, length);
  return blob;
}

static void *load(IO *io, int version) {
  size_t length;
  char *bytes = LoadStringBuffer(io, &length);
  Blob *blob = blobOf(bytes, length);
  (void)version;
  Free(bytes);
  return blob;
}

static void save(IO *io, void *value) {
  Blob *blob = value;
  SaveStringBuffer(io, blob->bytes, blob->length);
}

static size_t usage(const void *value) { return sizeof(Blob) + ((const Blob *)value)->length; }

static void release(void *value) { Free(value); }

static int set(Ctx *ctx, String **argv, int argc) {
  size_t length;
  const char *bytes;
  Key *key;
  if (argc != 3) return ReplyWithSimpleString(ctx, "BLOB.SET key bytes");
  bytes = StringPtrLen(argv[2], &length);
  /* 3 = read and write. Trackers hear of it when it closes. */
  key = OpenKey(ctx, argv[1], 3);
  ModuleTypeSetValue(key, blobs, blobOf(bytes, length));
  CloseKey(key);
  ReplicateVerbatim(ctx);
  return ReplyWithSimpleString(ctx, "OK");
}

#define TAKE(name) if (GetApi("RedisModule_" #name, (void *)&name) != 0) return 1

int RedisModule_OnLoad(Ctx *ctx, String **argv, int argc) {
  Methods methods = {1, load, save, NULL, usage, NULL, release};
  (void)argv, (void)argc;
  GetApi = (int (*)(const char *, void *))((void **)ctx)[0];
  TAKE(SetModuleAttribs); TAKE(CreateDataType); TAKE(CreateCommand); TAKE(OpenKey); TAKE(CloseKey); TAKE(ModuleTypeSetValue);
  TAKE(StringPtrLen); TAKE(ReplyWithSimpleString); TAKE(ReplicateVerbatim); TAKE(SaveStringBuffer);
  TAKE(LoadStringBuffer); TAKE(Alloc); TAKE(Free);
  SetModuleAttribs(ctx, "blob", 1, 1);
  blobs = CreateDataType(ctx, "jday-blob", 0, &methods);
  if (blobs == NULL) return 1;
  return CreateCommand(ctx, "blob.set", set, "write deny-oom", 1, 1, 1);
}
