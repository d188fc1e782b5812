/** Compares the lines that `bun run test --coverage` ran (coverage/lcov.info) with the least share of
 * each room. What only the executable or a browser runs does not count, so `cli`, `console` and `mqtt` have
 * no least share, and `storage` and `unlocks` a lower one. */
const LEAST: Readonly<Record<string, number>> = {
  accounts: 0.98,
  audit: 0.94,
  controllers: 0.96,
  domain: 0.95,
  drivers: 0.97,
  guests: 0.97,
  http: 0.96,
  'legacy-tables': 0.97,
  locks: 0.96,
  notify: 0.97,
  ops: 0.96,
  outbox: 0.96,
  storage: 0.86,
  unlocks: 0.85,
}

const rooms = new Map<string, { lines: number; run: number }>()
const text = await Bun.file('coverage/lcov.info').text()
for (const record of text.split('end_of_record\n')) {
  const room = /^SF:src\/([\w-]+)\//m.exec(record)?.[1]
  if (room === undefined) continue
  const sum = rooms.get(room) ?? { lines: 0, run: 0 }
  const lines = [...record.matchAll(/^DA:\d+,(\d+)/gm)]
  sum.lines += lines.length
  sum.run += lines.filter(([, times]) => times !== '0').length
  rooms.set(room, sum)
}

let isEnough = true
for (const [room, least] of Object.entries(LEAST)) {
  const { lines, run } = rooms.get(room) ?? { lines: 1, run: 0 }
  const share = run / lines
  if (share < least) isEnough = false
  const word = share < least ? 'TOO FEW' : 'ok'
  console.log(
    `${word.padEnd(8)}${room.padEnd(14)} ${(100 * share).toFixed(1)} % of ${lines} lines run, ${100 * least} % asked for`,
  )
}
process.exit(isEnough ? 0 : 1)
