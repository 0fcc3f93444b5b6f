/* SPDX-License-Identifier: MIT */
/*
 * The chat endpoints: a request as JSON in one of four dialects becomes a
 * talk (what to say), which a dialect puts into words, event by event or as
 * a whole.
 */
#ifndef VENDOR_CHAT_H
#define VENDOR_CHAT_H

#include "ex.h"

/* Answers a chat request of any dialect; the endpoint's path says which. */
void chat_answer(struct ex *ex);

void talk_free(struct talk *talk);

#endif
