/** How many rounds, in which the servers take turns so that other load on the machine affects all alike, and
 * how long each takes. */
export const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 7)
export const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 4)
