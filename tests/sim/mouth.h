/* SPDX-License-Identifier: MPL-2.0 */
/*
 * mouth.h - reads every frame that the router hears and says, and tells the checker what it means.
 * What leaves the router's mouth binds it, whether it arrives or not.
 */
#ifndef ZLOOM_TESTS_SIM_MOUTH_H
#define ZLOOM_TESTS_SIM_MOUTH_H

#include "checker.h"
#include "net.h"

typedef struct sim_ear sim_ear_t;

sim_ear_t *sim_ear_new (sim_ground_t *ground, sim_checker_t *checker);
void sim_ear_destroy (sim_ear_t **self_p);
sim_mouth_t sim_ear_mouth (sim_ear_t *self);
/* The router stopped: nobody has a session. */
void sim_ear_forget (sim_ear_t *self);

#endif
