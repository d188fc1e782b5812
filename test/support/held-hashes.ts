import { spyOn } from 'bun:test'

/** Keeps every password verification of this process waiting until `release`, like a machine that is
 * busy hashing. `begun` counts those that were admitted to hashing. */
export const heldHashes = () => {
  const gate = Promise.withResolvers<void>()
  const verify = Bun.password.verify.bind(Bun.password)
  let begun = 0
  const spy = spyOn(Bun.password, 'verify').mockImplementation(async (...given) => {
    begun += 1
    await gate.promise
    return verify(...given)
  })
  return {
    begun: () => begun,
    release: () => gate.resolve(),
    [Symbol.dispose]: () => {
      gate.resolve()
      spy.mockRestore()
    },
  }
}
