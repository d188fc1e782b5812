# Prints, from the log of `.ci/run`, what each failed test or check said, and then the names of all.
BEGIN { CONTEXT = 40; WIDTH = 200; SHOWN = 12; NAMED = 60 }

# Colours.
{ gsub(/\033\[[0-9;]*m/, "") }

/^[^ ]+\.test\.ts:$/ { file = $0; sub(/:$/, "", file) }

# Here ends what the one before said. What this one says stands before its name, or, in the order in which
# bun got it, behind.
/^\((pass|skip|todo|fail)\)|^[^ ]+\.test\.ts:$|^ok  |^--- |^FAILED/ { following = 0 }
/^\((pass|skip|todo)\)|^ok  |^--- / { begin = NR + 1 }

# At the end of a long run, bun names again what failed.
(/^\(fail\)/ && !seen[$0]++) || /^# Unhandled error|^FAILED/ {
  failed += 1
  names[failed] = ($0 ~ /^FAILED/ ? "" : file ": ") $0
  if (failed <= SHOWN) {
    from = begin > NR - CONTEXT ? begin : NR - CONTEXT
    print "\n=== " names[failed]
    for (at = from; at < NR; at += 1) if (at in lines) print lines[at]
    following = CONTEXT - (NR - from) + 2
  }
  begin = NR + 1
}

following > 0 { print substr($0, 1, WIDTH); following -= 1 }

{
  lines[NR] = substr($0, 1, WIDTH)
  delete lines[NR - CONTEXT]
}

END {
  if (failed > 0) print "\nFailed:"
  for (at = 1; at <= failed && at <= NAMED; at += 1) print names[at]
  if (failed > NAMED) print "and " failed - NAMED " more"
}
