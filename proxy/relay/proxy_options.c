/* SPDX-License-Identifier: MIT */
/* From argv and the configuration file to settings: at start, and again at
 * each reload, which changes all or nothing. */
#include <assert.h>
#include <openssl/ssl.h>

#include "base/log.h"
#include "relay/proxy_impl.h"

struct options *proxy_options_new(const struct proxy *p)
{
	struct options *o = options_new();

	settings_add_options(o);
	for (unsigned i = 0; i < p->n_rooms; i++) {
		if (p->rooms[i].options)
			options_add(o, p->rooms[i].options, p->rooms[i].name);
	}
	return o;
}

/* Reads everything there is to read into a new pair. */
static bool read_all(const struct proxy *p, struct options **o,
		     struct settings **s, struct fail *f)
{
	const char *file;

	*o = proxy_options_new(p);
	*s = NULL;
	if (!options_parse(*o, p->argc, p->argv, f))
		return false;
	if (options_wants_help(*o))
		return true;
	file = options_text(*o, "config");
	if (file && !options_config(*o, file, f))
		return false;
	*s = settings_new(*o, f);
	return *s != NULL;
}

bool proxy_configure(struct proxy *p, struct fail *f)
{
	return read_all(p, &p->options, &p->settings, f);
}

bool proxy_take_identity(struct proxy *p, struct settings *s, struct fail *f)
{
	for (unsigned i = 0; i < p->n_rooms && !s->server_tls; i++) {
		if (!p->rooms[i].identity)
			continue;
		s->server_tls = tls_server_dynamic(p->rooms[i].identity,
						   p->room_state[i], f);
		if (!s->server_tls)
			return false;
	}
	return true;
}

/* The rooms follow, or those that did go back. */
static bool reload_rooms(struct proxy *p, const struct options *next,
			 struct fail *f)
{
	struct fail again;

	for (unsigned i = 0; i < p->n_rooms; i++) {
		const struct room *r = &p->rooms[i];

		if (!r->reload || r->reload(p->room_state[i], next, f))
			continue;
		while (i-- > 0) {
			r = &p->rooms[i];
			if (r->reload &&
			    !r->reload(p->room_state[i], p->options, &again))
				log_error("reload", "%s cannot go back: %s",
					  r->name, again.text);
		}
		return false;
	}
	return true;
}

static void replace(struct proxy *p, struct options *o, struct settings *s)
{
	struct settings *old = p->settings;

	pthread_mutex_lock(&p->settings_lock);
	p->settings = s;
	pthread_mutex_unlock(&p->settings_lock);
	settings_unref(old);
	options_free(p->options);
	p->options = o;
	log_set_level(s->log_level);
	for (unsigned i = 0; i < p->n_workers; i++)
		worker_reload(p->workers[i], s);
}

bool proxy_reload(struct proxy *p, struct fail *f)
{
	struct options *o;
	struct settings *s;

	if (read_all(p, &o, &s, f) && proxy_take_identity(p, s, f) &&
	    settings_can_follow(p->settings, s, f) && reload_rooms(p, o, f)) {
		replace(p, o, s);
		return true;
	}
	settings_unref(s);
	options_free(o);
	return false;
}

struct settings *proxy_settings(struct proxy *p)
{
	struct settings *s;

	pthread_mutex_lock(&p->settings_lock);
	s = settings_ref(p->settings);
	pthread_mutex_unlock(&p->settings_lock);
	return s;
}
