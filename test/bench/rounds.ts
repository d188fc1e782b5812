/** Rounds of each server in turn, so that other load on the machine affects all alike, and their length. */
export const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 7)
export const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 4)
