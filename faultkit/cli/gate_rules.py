"""What `faultkit gate --help` says of rules."""

RULES = """\
Rules are those of --rule; without any, those of --rules; else the `GATE` that the experiment declares. In a TOML file,
`rules` is a list of lines, or a table that gives each a name to keep in JUnit histories; paths are taken from the
file's own folder.

\b
In an experiment:
  GATE = ("golden clean", "no CORRUPT in 300 trials",
          "recovered >= 99 % where side = u-driver")

\b
In a TOML file:
  known = "known-crashes.toml"
  [rules]
  "recovery" = "recovered >= 99 %"
  "no lost data" = "no CORRUPT in 300 trials"

\b
Rules:
  survived >= 99 %                MASKED or RECOVERED, of the activated
  recovered >= 99 %               RECOVERED, of those worse than MASKED
  detected >= 99 %                told of by a detector, of the same
  activated >= 50 %               of the injected
  CRASHED, CORRUPT <= 1 %         outcomes, of the activated
  LOST or worse <= 5 %            likewise
  leaked <= 1 %                   likewise: manifested, leaked, warned,
                                  udriver_died, kdriver_reloaded
  survived >= 99 % against 97 %   Wald's sequential test for 99 %, not 97 %
  survived >= baseline - 2 %      not worse than in --baseline, in pairs
  CRASHED <= baseline + 1 %       where the fault lists match
  p95 recovery <= 2 s             of a time: recovery, outage, detection
  no CRASHED                      no HUNG or worse, no leaked
  no new crash signature          none that is neither in --known nor in
                                  --baseline; golden trials count, too
  golden clean                    no golden trial with a detection, a
                                  recovery, or worse than MASKED

Shares have exact (Clopper-Pearson) bounds. `>=` passes if the lower confidence bound is not below the limit, and
fails if the upper one is below it; `<=` likewise, turned round. `against` goes trial by trial, in the order of the
list. A rule with `no` fails with the first such trial, and passes with none in 59 activated trials or more, since none
in 59 shows at most 5 %. `baseline` passes if the upper bound of the loss (Tango's score bound) is not above the
margin, and fails if the loss is above it and McNemar's exact test finds it significant; where the lists do not match,
it is Newcombe's bound and Fisher's test.

Times are virtual; the bounds of their quantiles are order statistics, valid for any distribution. `recovery` is asked
of trials with an error that was detected or is LOST, HUNG or CRASHED, `detection` of all worse than MASKED, `outage`
of all activated. What never ended took forever, and is not left out. A campaign with a `STOP` is held to sequential
tests and bounds, which are wider.

\b
Any rule may end with:
  with 99 % confidence            of each bound by itself, one-sided
                                  (default: 95 %)
  in 300 trials                   with fewer, it is inconclusive
  where side = u-driver and policy = nothing
                                  only these trials, by what `faultkit
                                  show --by` tells them by; values that are
                                  more than a word go in quotes

As all rules must pass, a passed gate is wrong with at most 5 %, however many rules it has.

Inconclusive is neither met nor failed. The line says how many trials more would decide: at best, and if the share
stays as it is. A campaign that was not run to its end cannot pass, nor fail by a share or a time; a case that a `no`
rule forbids fails it at any time. The same holds with more than 5 % void trials, and the exit code is then 5: the
harness, not the driver, is in trouble. A forbidden case that was seen comes first: 1.

--until-decided saves trials: it asks all rules after every ten trials, always of the first trials of the list, and
ends when one has failed, all have passed, or the budget is used up (3). Its tests allow for being asked often, as with
`STOP`, and need more trials than a fixed number at worst, fewer when the answer is clear. Rules `against` another
share need the fewest. Rules that compare with a baseline cannot be among them.

A crash signature is what the kernel called it and the function where it happened, `general protection fault in
nbd_queue_rq`: no addresses, offsets or numbers, and no suffixes of the compiler's, so that it stays the same from
build to build.
"""
