"""The description of rules in `faultkit gate --help`."""

RULES = """\
The rules come from --rule; without any, from --rules; else from the `GATE` that the experiment declares. Results
of an experiment of your own need --experiment FILE for that. In a TOML file, `rules` is a list of lines, or a table
that names each rule, for JUnit histories. Paths are relative to the file's own folder.

\b
In an experiment:
  GATE = ("golden clean in 6 trials", "no CORRUPT in 300 trials",
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
  detected >= 99 %                reported by a detector, of the same
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
fails if the upper one is below it; `<=` is the reverse. `against` goes trial by trial, in the order of the list. A
rule with `no` fails at the first such trial. It passes with none in 59 activated trials or more, because none in 59
shows at most 5 %; so do `golden clean` with as many golden trials, and either with the number that it ends with.
`baseline` passes if the upper bound of the loss (Tango's score bound) is not above the margin. It
fails if the loss is above it and McNemar's exact test finds it significant. If the lists do not match, Newcombe's
bound and Fisher's test take their place.

Times are virtual. The bounds of their quantiles are order statistics, valid for any distribution. `recovery` counts
trials with an error that was detected or is LOST, HUNG or CRASHED; `detection` all worse than MASKED; `outage` all
activated. A time that never ended is infinite, and not left out. A campaign with a `STOP` is judged by sequential
tests and bounds, which are wider.

\b
Any rule may end with:
  with 99 % confidence            of each bound by itself, one-sided
                                  (default: 95 %)
  in 300 trials                   with fewer, it is inconclusive
  where side = u-driver and policy = nothing
                                  only these trials; the columns are those
                                  of `faultkit show --by`; values of more
                                  than a word go in quotes

All rules must pass, so a passed gate is wrong with a probability of at most 5 %, however many rules it has.

Inconclusive is neither met nor failed. The line says how many more trials would decide: at best, and at the present
share. A campaign that was not run to its end cannot pass, and cannot fail by a share or a time. A case that a `no` rule
forbids fails it at any time. The same holds with more than 5 % void trials; the exit code is then 5, because the
harness, not the driver, is in trouble. A forbidden case that was seen takes precedence: 1.

--until-decided saves trials. It asks all rules after every ten trials, always about the first trials of the list, and
ends when one has failed, all have passed, or the budget is used up (3). Its tests allow for repeated looks, as with
`STOP`. They need more trials than a fixed number at worst, and fewer when the answer is clear. Rules `against` another
share need the fewest. Rules that compare with a baseline are not allowed.

A crash signature is the kernel's name for the crash and the function where it happened: `general protection fault in
nbd_queue_rq`. It has no addresses, offsets or numbers, and no suffixes of the compiler's, so it stays the same from
build to build.
"""
