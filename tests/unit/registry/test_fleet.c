/* SPDX-License-Identifier: MPL-2.0 */
/* Fleets: who runs where, which key may do what, and the words about what is wrong with one. */
#include <dirent.h>

#include "golden.h"
#include "recipes.h"

#define FOLDER ZLOOM_TEST_DATA "/fleets"
#define KEY_HUB "Tnw{R0b@29VJNm+Dj!IHGAQ-^JGsDKzsMw8dS[cW"
#define KEY_B "qCn1{L0]}bYFDWMXZXN6qn:c9dUb39VDz/DsPPmm"
#define KEY_SHOP "bQ[SOXb)7-0JbpwVe4@b-9+b3loU{bFHB.C6z/M>"
#define HOSTS                                                                             \
    "hosts:\n  hub: {address: 10.0.0.1, public: \"" KEY_HUB "\"}\n  b: {public: \"" KEY_B \
    "\"}\nplace: {router: hub, work: b}\n"

/* A fleet that must be good. */
static loaded_t
s_load (const char *text, zloom_fleet_t **fleet_p)
{
    loaded_t loaded = loaded_fleet ("", text, fleet_p);
    zloom_buf_t said = {0};
    zloom_diags_text (loaded.diags, false, &said);
    if (loaded.err != ZLOOM_OK) {
        fail_msg ("%s", zloom_buf_text (&said));
    }
    zloom_buf_fini (&said);
    return loaded;
}

static void
s_nodes_have_places (void **state)
{
    (void) state;
    zloom_fleet_t *fleet = NULL;
    loaded_t loaded = s_load (HOSTS, &fleet);
    assert_int_equal (zloom_fleet_host_count (fleet), 2);
    assert_string_equal (zloom_fleet_place (fleet, "router")->name, "hub");
    assert_string_equal (zloom_fleet_place (fleet, "work")->name, "b");
    assert_null (zloom_fleet_place (fleet, "other"));
    assert_string_equal (zloom_fleet_host (fleet, "hub")->address, "10.0.0.1");
    assert_null (zloom_fleet_host (fleet, "c"));
    assert_int_equal (zloom_fleet_port (fleet, "router"), 7600);
    zloom_fleet_destroy (&fleet);
    loaded_fini (&loaded);
    loaded = s_load (HOSTS "ports: {router: 7700}\n", &fleet);
    assert_int_equal (zloom_fleet_port (fleet, "router"), 7700);
    zloom_fleet_destroy (&fleet);
    loaded_fini (&loaded);
}

/* Exactly these rights, of this flow (NULL: of the router). */
static void
s_has (const zloom_fleet_t *fleet, const char *public_key, const char *flow, unsigned rights)
{
    const zloom_fleet_key_t *key = zloom_fleet_key (fleet, public_key);
    assert_non_null (key);
    for (unsigned right = 1; right <= ZLOOM_FLEET_SUPERVISE; right <<= 1) {
        if (zloom_fleet_may (key, right, flow) != ((rights & right) != 0)) {
            fail_msg ("%s: right %u of %s", key->name, right, flow ? flow : "the router");
        }
    }
}

static void
s_a_host_may_what_its_nodes_do (void **state)
{
    (void) state;
    zloom_fleet_t *fleet = NULL;
    loaded_t loaded = s_load (HOSTS, &fleet);
    s_has (fleet, KEY_B, "in", ZLOOM_FLEET_CONSUME | ZLOOM_FLEET_SUPERVISE);
    s_has (fleet, KEY_B, NULL, ZLOOM_FLEET_SUPERVISE);
    s_has (fleet, KEY_HUB, "in", ZLOOM_FLEET_SUPERVISE);
    assert_null (zloom_fleet_key (fleet, KEY_SHOP));
    assert_true (zloom_fleet_key (fleet, KEY_B)->is_host);
    zloom_fleet_destroy (&fleet);
    loaded_fini (&loaded);
    loaded = s_load ("hosts:\n  hub: {address: 10.0.0.1, public: \"" KEY_HUB
                     "\", may: [{flow: \"*\", rights: [read]}]}\n"
                     "place: {router: hub, work: hub}\n",
                     &fleet);
    s_has (fleet, KEY_HUB, "in", ZLOOM_FLEET_CONSUME | ZLOOM_FLEET_READ | ZLOOM_FLEET_SUPERVISE);
    s_has (fleet, KEY_HUB, NULL, ZLOOM_FLEET_READ | ZLOOM_FLEET_SUPERVISE);
    zloom_fleet_destroy (&fleet);
    loaded_fini (&loaded);
}

/* What its nodes have sent before they were moved goes on under another host's key. */
static void
s_a_host_without_nodes_is_one_of_the_hosts (void **state)
{
    (void) state;
    zloom_fleet_t *fleet = NULL;
    loaded_t loaded =
      s_load ("hosts:\n  hub: {address: 10.0.0.1, public: \"" KEY_HUB "\"}\n  b: {public: \"" KEY_B
              "\"}\nplace: {router: hub, work: hub}\n",
              &fleet);
    s_has (fleet, KEY_B, NULL, ZLOOM_FLEET_SUPERVISE);
    s_has (fleet, KEY_B, "in", ZLOOM_FLEET_SUPERVISE);
    zloom_fleet_destroy (&fleet);
    loaded_fini (&loaded);
}

static void
s_what_is_not_granted_is_denied (void **state)
{
    (void) state;
    static const struct {
        const char *may;
        unsigned of_flow;
        unsigned of_router;
    } cases[] = {
      {"[{flow: in, rights: [publish]}]", ZLOOM_FLEET_PUBLISH, 0},
      {"[{flow: in, rights: publish}, {flow: in, rights: [read]}]",
       ZLOOM_FLEET_PUBLISH | ZLOOM_FLEET_READ, 0},
      {"[{flow: \"*\", rights: [administer]}]", ZLOOM_FLEET_ADMINISTER, ZLOOM_FLEET_ADMINISTER},
      {"[{flow: in, rights: []}]", 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = zloom_format ("%skeys: {shop: {public: \"%s\", may: %s}}\n", HOSTS, KEY_SHOP,
                                   cases[i].may);
        zloom_fleet_t *fleet = NULL;
        loaded_t loaded = s_load (text, &fleet);
        s_has (fleet, KEY_SHOP, "in", cases[i].of_flow);
        s_has (fleet, KEY_SHOP, NULL, cases[i].of_router);
        s_has (fleet, KEY_SHOP, "another", cases[i].of_router);
        assert_false (zloom_fleet_key (fleet, KEY_SHOP)->is_host);
        zloom_fleet_destroy (&fleet);
        loaded_fini (&loaded);
        free (text);
    }
}

/* What is carried is two flows for its host: the one where it waits, and the one where it goes. */
static void
s_what_is_carried_has_room (void **state)
{
    (void) state;
    static const char recipe[] = "zloom: 1\nname: two\n"
                                 "nodes:\n  a: {kind: router}\n  c: {kind: router}\n"
                                 "  work: {kind: worker, run: [cat], io: lines}\n"
                                 "flows:\n"
                                 "  in: {pattern: queue, from: external, to: work, via: a,\n"
                                 "       dead_letter: dead}\n"
                                 "  dead: {pattern: queue, to: external, via: a}\n"
                                 "  one: {pattern: queue, from: external, to: external,\n"
                                 "    mirror: {from: a, to: c}}\n"
                                 "  two: {pattern: queue, from: external, to: external,\n"
                                 "    mirror: {from: a, to: c}}\n"
                                 "  three: {pattern: queue, from: external, to: external,\n"
                                 "    mirror: {from: a, to: c}}\n"
                                 "  four: {pattern: queue, from: external, to: external,\n"
                                 "    mirror: {from: a, to: c}}\n";
    static const char text[] =
      "zloom: 1\nrecipe: two.yaml\n"
      "hosts: {hub: {address: 10.0.0.1, public: \"" KEY_HUB "\"}}\n"
      "place: {a: hub, c: hub, work: hub}\nports: {c: 7601}\n"
      "keys: {shop: {public: \"" KEY_SHOP "\", may: [{flow: in, rights: [publish]}]}}\n";
    loaded_t loaded = {.diags = zloom_diags_new ()};
    zloom_fleet_t *fleet = NULL;
    loaded.err = zloom_recipe_load_text ("two.yaml", "/tmp", zloom_bytes_text (recipe),
                                         zloom_registry (), NULL, loaded.diags, &loaded.recipe);
    loaded_assert_good (&loaded);
    loaded.err = zloom_fleet_load_text ("fleet.yaml", zloom_bytes_text (text), loaded.recipe,
                                        loaded.diags, &fleet);
    loaded_assert_good (&loaded);
    s_has (fleet, KEY_HUB, "four@c", ZLOOM_FLEET_CONSUME | ZLOOM_FLEET_SUPERVISE);
    s_has (fleet, KEY_HUB, "four", ZLOOM_FLEET_PUBLISH | ZLOOM_FLEET_SUPERVISE);
    s_has (fleet, KEY_SHOP, "in", ZLOOM_FLEET_PUBLISH);
    s_has (fleet, KEY_SHOP, "one@c", 0);
    s_has (fleet, KEY_SHOP, "four@c", 0);
    s_has (fleet, KEY_SHOP, NULL, 0);
    zloom_fleet_destroy (&fleet);
    loaded_fini (&loaded);
}

static int
s_is_fleet (const struct dirent *entry)
{
    const char *end = strrchr (entry->d_name, '.');
    return end && strcmp (end, ".yaml") == 0;
}

static void
s_each_wrong_one_is_told_in_words (void **state)
{
    (void) state;
    struct dirent **entries = NULL;
    int count = scandir (FOLDER, &entries, s_is_fleet, alphasort);
    assert_true (count >= 4);
    bool good = true;
    for (int i = 0; i < count; i++) {
        char path[512];
        snprintf (path, sizeof path, FOLDER "/%s", entries[i]->d_name);
        char *text = golden_read (path);
        assert_non_null (text);
        loaded_t loaded = {.diags = zloom_diags_new ()};
        char *recipe = zloom_format (FLEET_RECIPE, "", "");
        assert_int_equal (zloom_recipe_load_text ("sample.yaml", "/tmp", zloom_bytes_text (recipe),
                                                  zloom_registry (), NULL, loaded.diags,
                                                  &loaded.recipe),
                          ZLOOM_OK);
        zloom_fleet_t *fleet = NULL;
        assert_int_equal (zloom_fleet_load_text (entries[i]->d_name, zloom_bytes_text (text),
                                                 loaded.recipe, loaded.diags, &fleet),
                          ZLOOM_RECIPE);
        assert_null (fleet);
        zloom_buf_t said = {0};
        zloom_diags_text (loaded.diags, false, &said);
        snprintf (path, sizeof path, FOLDER "/%.*s.expected", (int) strlen (entries[i]->d_name) - 5,
                  entries[i]->d_name);
        good = golden_matches (path, zloom_buf_text (&said)) && good;
        zloom_buf_fini (&said);
        loaded_fini (&loaded);
        free (recipe);
        free (text);
        free (entries[i]);
    }
    free (entries);
    assert_true (good);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (s_nodes_have_places),
      cmocka_unit_test (s_a_host_may_what_its_nodes_do),
      cmocka_unit_test (s_a_host_without_nodes_is_one_of_the_hosts),
      cmocka_unit_test (s_what_is_not_granted_is_denied),
      cmocka_unit_test (s_what_is_carried_has_room),
      cmocka_unit_test (s_each_wrong_one_is_told_in_words),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
