/* SPDX-License-Identifier: MPL-2.0 */
/* fleet_read.c - hosts, keys and grants of a fleet, from its tree into its model. */
#include <string.h>

#include "base/z85.h"
#include "recipe/fleet_model.h"
#include "recipe/registry.h"

#define KEY_BYTES 32
#define KEY_HINT "a key is 40 characters: zloom keys pub NAME shows it"

/* ---- tables --------------------------------------------------------------------------------- */

static const char *
s_check_key (const char *text)
{
    uint8_t bytes[KEY_BYTES];
    return zloom_z85_decode (text, bytes, sizeof bytes) ? NULL : "is no public key; " KEY_HINT;
}

/* What stands between tcp:// and the port; brackets of IPv6 are added later. */
static const char *
s_check_listen (const char *text)
{
    static const char letters[] =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:";
    if (strstr (text, "//")) {
        return "is a URL; write the host alone, its port goes to 'port:'";
    }
    const bool good = text[0] && strspn (text, letters) == strlen (text) && strlen (text) < 100;
    return good || strcmp (text, "*") == 0 ? NULL : "is no host name and no address";
}

/* The same, and somebody else can come to it. */
static const char *
s_check_address (const char *text)
{
    static const char *const all[] = {"*", "0.0.0.0", "::"};
    for (size_t i = 0; i < ZLOOM_COUNT (all); i++) {
        if (strcmp (text, all[i]) == 0) {
            return "is every address of a host; write the one by which other hosts reach it";
        }
    }
    return s_check_listen (text);
}

/* What the field tables fill. */
typedef struct {
    const char *address;
    const char *listen;
    int64_t port;
    const char *public_key;
} entry_t;

#define ZLOOM_STRUCT entry_t
static const zloom_field_t s_top_fields[] = {
#include "recipe/fleet_top.def"
};
static const zloom_field_t s_host_fields[] = {
#include "recipe/fleet_host.def"
};
static const zloom_field_t s_key_fields[] = {
#include "recipe/fleet_key.def"
};
static const zloom_field_t s_grant_fields[] = {
#include "recipe/fleet_grant.def"
};
#undef ZLOOM_STRUCT

#define TABLE(fields) ((zloom_field_table_t){fields, ZLOOM_COUNT (fields)})

zloom_field_table_t
zloom_fleet_top_fields (void)
{
    return TABLE (s_top_fields);
}

zloom_field_table_t
zloom_fleet_host_fields (void)
{
    return TABLE (s_host_fields);
}

zloom_field_table_t
zloom_fleet_key_fields (void)
{
    return TABLE (s_key_fields);
}

zloom_field_table_t
zloom_fleet_grant_fields (void)
{
    return TABLE (s_grant_fields);
}

static const struct {
    const char *word;
    unsigned right;
} s_rights[] = {
  {"publish", ZLOOM_FLEET_PUBLISH},
  {"consume", ZLOOM_FLEET_CONSUME},
  {"read", ZLOOM_FLEET_READ},
  {"administer", ZLOOM_FLEET_ADMINISTER},
};

/* ---- hosts and keys ------------------------------------------------------------------------- */

const zloom_tree_node_t *
zloom_fleet_map (zloom_reader_t *reader, const zloom_tree_node_t *root, const char *key,
                 const char *hint)
{
    const zloom_tree_node_t *map = zloom_tree_get (root, key);
    if (map && map->kind != ZLOOM_TREE_MAP) {
        zloom_reader_wrong_shape (reader, map, key, "a map of names", hint);
        return NULL;
    }
    if (map && map->count > ZLOOM_FLEET_KEYS_MAX / 2) {
        zloom_reader_error (reader, "Z0206", map, NULL, "'%s' has %zu entries, the most is %d", key,
                            map->count, ZLOOM_FLEET_KEYS_MAX / 2);
        return NULL;
    }
    return map;
}

void
zloom_fleet_grant (zloom_fleet_key_t *key, const char *flow, unsigned rights)
{
    for (size_t i = 0; i < key->grant_count; i++) {
        if (strcmp (key->grants[i].flow, flow) == 0) {
            key->grants[i].rights |= rights;
            return;
        }
    }
    key->grants[key->grant_count++] = (zloom_fleet_grant_t){flow, rights};
}

/* One word of `rights:`; 0 after a report. */
static unsigned
s_right (zloom_reader_t *reader, const zloom_tree_node_t *node)
{
    if (!zloom_reader_is_short (reader, node, "rights")) {
        return 0;
    }
    zloom_suggest_t suggest = zloom_reader_suggest (reader, node->text);
    for (size_t i = 0; i < ZLOOM_COUNT (s_rights); i++) {
        if (strcmp (s_rights[i].word, node->text) == 0) {
            return s_rights[i].right;
        }
        zloom_suggest_offer (&suggest, s_rights[i].word);
    }
    const char *near = zloom_reader_did_you_mean (reader, &suggest);
    zloom_reader_error (reader, "Z0207", node,
                        near ? near : "there are publish, consume, read, administer",
                        "there is no right '%.60s'", node->text);
    return 0;
}

static unsigned
s_rights_of (zloom_reader_t *reader, const zloom_tree_node_t *node)
{
    unsigned rights = 0;
    if (node->kind == ZLOOM_TREE_SCALAR) {
        return s_right (reader, node);
    }
    if (node->kind == ZLOOM_TREE_MAP) {
        zloom_reader_wrong_shape (reader, node, "rights", "a list of rights",
                                  "as in [publish, read]");
        return 0;
    }
    for (const zloom_tree_node_t *item = node->first; item; item = item->next) {
        rights |= s_right (reader, item);
    }
    return rights;
}

static void
s_read_grant (const zloom_fleet_t *self, zloom_reader_t *reader, const zloom_tree_node_t *tree,
              zloom_fleet_key_t *key)
{
    if (tree->kind != ZLOOM_TREE_MAP) {
        zloom_reader_wrong_shape (reader, tree, "may", "a list of grants",
                                  "as in [{flow: orders, rights: [publish]}]");
        return;
    }
    static const zloom_field_table_t none = {NULL, 0};
    zloom_reader_check_keys (reader, zloom_fleet_grant_fields (), none, tree, "a grant");
    const zloom_tree_node_t *flow = zloom_tree_get (tree, "flow");
    const zloom_tree_node_t *rights = zloom_tree_get (tree, "rights");
    if (!flow || !rights) {
        zloom_reader_error (reader, "Z0202", tree, "as in {flow: orders, rights: [publish]}",
                            "a grant has no '%s'", flow ? "rights" : "flow");
        return;
    }
    if (!zloom_reader_is_short (reader, flow, "flow")) {
        return;
    }
    const bool all = strcmp (flow->text, ZLOOM_FLEET_ALL) == 0;
    if (!all && !zloom_recipe_flow (self->recipe, flow->text)) {
        zloom_suggest_t suggest = zloom_reader_suggest (reader, flow->text);
        for (size_t i = 0; i < zloom_recipe_flow_count (self->recipe); i++) {
            zloom_suggest_offer (&suggest, zloom_recipe_flow_at (self->recipe, i)->name);
        }
        zloom_reader_error (reader, "Z0603", flow, zloom_reader_did_you_mean (reader, &suggest),
                            "recipe %s has no flow '%.60s'", zloom_recipe_name (self->recipe),
                            flow->text);
        return;
    }
    zloom_fleet_grant (key, flow->text, s_rights_of (reader, rights));
}

/* What a key's entry says. */
static zloom_fleet_key_t *
s_add_key (zloom_fleet_t *self, zloom_reader_t *reader, const zloom_tree_node_t *tree,
           const char *public_key, bool is_host)
{
    zloom_fleet_key_t *key = &self->keys[self->key_count++];
    *key = (zloom_fleet_key_t){.name = tree->key->text,
                               .public_key = public_key ? public_key : "",
                               .is_host = is_host,
                               .tree = tree};
    /* Each flow, each flow's outbox where another router carries it from, and all of them. */
    key->grants = zloom_pool_alloc (self->pool, (2 * zloom_recipe_flow_count (self->recipe) + 1) *
                                                  sizeof *key->grants);
    const zloom_tree_node_t *may = zloom_tree_get (tree, "may");
    if (may && may->kind != ZLOOM_TREE_LIST) {
        zloom_reader_wrong_shape (reader, may, "may", "a list of grants",
                                  "as in [{flow: orders, rights: [publish]}]");
        may = NULL;
    }
    for (const zloom_tree_node_t *item = may ? may->first : NULL; item; item = item->next) {
        s_read_grant (self, reader, item, key);
    }
    return key;
}

static bool
s_read_entry (zloom_reader_t *reader, const zloom_tree_node_t *tree, const char *what,
              zloom_field_table_t fields, entry_t *entry)
{
    static const zloom_field_table_t none = {NULL, 0};
    *entry = (entry_t){.port = 0};
    if (!zloom_reader_is_name (tree->key->text)) {
        zloom_reader_error (reader, "Z0210", tree->key, ZLOOM_NAME_HINT,
                            "%s has a bad name: '%.60s'", what, tree->key->text);
        return false;
    }
    if (tree->kind != ZLOOM_TREE_MAP) {
        zloom_reader_wrong_shape (reader, tree, tree->key->text, "a map of fields",
                                  "as in {address: 10.0.0.1, public: \"…\"}");
        return false;
    }
    const char *named = zloom_pool_format (reader->pool, "%s '%s'", what, tree->key->text);
    zloom_reader_read (reader, fields, none, tree, named, entry);
    return true;
}

static void
s_read_hosts (zloom_fleet_t *self, zloom_reader_t *reader, const zloom_tree_node_t *root)
{
    const zloom_tree_node_t *map =
      zloom_fleet_map (reader, root, "hosts", "as in hub: {address: 10.0.0.1, public: \"…\"}");
    self->hosts = zloom_pool_alloc (self->pool, ((map ? map->count : 0) + 1) * sizeof *self->hosts);
    for (const zloom_tree_node_t *tree = map ? map->first : NULL; tree; tree = tree->next) {
        entry_t entry;
        if (s_read_entry (reader, tree, "host", zloom_fleet_host_fields (), &entry)) {
            self->hosts[self->host_count++] = (zloom_fleet_host_t){
              .name = tree->key->text,
              .address = entry.address,
              .listen = entry.listen,
              .port = entry.port,
              .key = s_add_key (self, reader, tree, entry.public_key, true),
              .tree = tree,
            };
        }
    }
}

static void
s_read_keys (zloom_fleet_t *self, zloom_reader_t *reader, const zloom_tree_node_t *root)
{
    const zloom_tree_node_t *map =
      zloom_fleet_map (reader, root, "keys", "as in shop: {public: \"…\", may: […]}");
    for (const zloom_tree_node_t *tree = map ? map->first : NULL; tree; tree = tree->next) {
        entry_t entry;
        if (s_read_entry (reader, tree, "key", zloom_fleet_key_fields (), &entry)) {
            s_add_key (self, reader, tree, entry.public_key, false);
        }
    }
}

/* Two names for one key would make it a matter of luck which rights count; one name for two, who is
 * meant by it. (Two hosts or two keys of one name are a mistake in any map.) */
static void
s_check_twins (const zloom_fleet_t *self, zloom_reader_t *reader)
{
    for (size_t i = 0; i < self->key_count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (!self->keys[i].is_host && self->keys[j].is_host &&
                strcmp (self->keys[i].name, self->keys[j].name) == 0) {
                zloom_reader_error (reader, "Z0609", self->keys[i].tree->key,
                                    "give the program's key another name",
                                    "'%s' is a host's name already", self->keys[i].name);
            }
            if (self->keys[i].public_key[0] &&
                strcmp (self->keys[i].public_key, self->keys[j].public_key) == 0) {
                zloom_reader_error (reader, "Z0606", zloom_tree_get (self->keys[i].tree, "public"),
                                    "make a key of its own: zloom keys new NAME",
                                    "'%s' has the same key as '%s'", self->keys[i].name,
                                    self->keys[j].name);
                break;
            }
        }
    }
}

static void
s_doubt (const zloom_fleet_t *self, zloom_reader_t *reader)
{
    for (size_t i = 0; i < self->host_count; i++) {
        bool used = false;
        for (size_t j = 0; j < self->place_count; j++) {
            used = used || self->places[j].host == &self->hosts[i];
        }
        if (!used) {
            zloom_reader_warning (reader, "Z0650", self->hosts[i].tree->key,
                                  "place a node there, or take it out",
                                  "nothing is placed on host '%s'", self->hosts[i].name);
        }
    }
    for (size_t i = self->host_count; i < self->key_count; i++) {
        unsigned rights = 0;
        for (size_t j = 0; j < self->keys[i].grant_count; j++) {
            rights |= self->keys[i].grants[j].rights;
        }
        if (rights == 0) {
            zloom_reader_warning (reader, "Z0651", self->keys[i].tree->key,
                                  "grant something, or take it out", "key '%s' may do nothing",
                                  self->keys[i].name);
        }
    }
}

void
zloom_fleet_read (zloom_fleet_t *self, zloom_reader_t *reader, const zloom_tree_node_t *root)
{
    static const zloom_field_table_t none = {NULL, 0};
    static const char *const needed[] = {"recipe", "hosts", "place"};
    zloom_reader_check_keys (reader, zloom_fleet_top_fields (), none, root, "the fleet");
    for (size_t i = 0; i < ZLOOM_COUNT (needed); i++) {
        if (!zloom_tree_get (root, needed[i])) {
            const zloom_field_table_t top = zloom_fleet_top_fields ();
            zloom_reader_error (reader, "Z0202", root,
                                zloom_field_find (top.fields, top.count, needed[i])->example,
                                "the fleet has no '%s'", needed[i]);
        }
    }
    self->keys = zloom_pool_alloc (self->pool, (ZLOOM_FLEET_KEYS_MAX + 1) * sizeof *self->keys);
    s_read_hosts (self, reader, root);
    s_read_keys (self, reader, root);
    s_check_twins (self, reader);
    zloom_fleet_read_places (self, reader, root);
    if (zloom_diags_errors (reader->diags) == 0) {
        s_doubt (self, reader); /* what is of no use is seen only when nothing is missing */
    }
}
