/** Returns a function that computes a value once for each request, however often it is called. */
export const oncePerRequest = <Value, Rest extends readonly unknown[]>(
  compute: (request: Request, ...rest: Rest) => Value,
) => {
  const known = new WeakMap<Request, { readonly value: Value }>()
  return (request: Request, ...rest: Rest): Value => {
    const computed = known.get(request) ?? { value: compute(request, ...rest) }
    known.set(request, computed)
    return computed.value
  }
}
