/* Where log lines go: standard error.
 *
 * For people, "castswitchd: warning: LINE".  When standard error is the journal (JOURNAL_STREAM names the very stream,
 * see systemd.exec(5)), "<4>LINE" with the syslog priority, since the journal knows the program's name and time.  One
 * write() a line, so that lines of several processes don't mix.
 */
#ifndef CASTSWITCH_LOGOUT_H
#define CASTSWITCH_LOGOUT_H

/* Installs the sink of log.h.  'program' must stay valid. */
void logout_install(const char *program);

#endif
