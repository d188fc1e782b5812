import type { Static, TObject, TSchema } from '@sinclair/typebox'
import type { DocumentDecoration } from 'elysia'
import type { Account, Role, Scope } from '../domain/account.ts'
import type { Answer } from './answers.ts'
import type { Access, Caller } from './authorization.ts'
import type { Description } from './openapi/operation.ts'
import type { DocumentSchema } from './openapi/schemas.ts'

/** The limits a request counts against: a base, plus `changes` if it leaves an audit event. `basic`
 * counts requests with a name and password, against windows like those of `auth`. */
type LimitGroups = readonly [LimitBase, ...('changes' | 'basic')[]]

/** `codes` counts requests with the code of a link, or a one-time code of a device: ten a minute for each client.
 * `health` and `pages` have windows of their own with the default limits, so that a flood of anything
 * else does not keep those who share its address from health checks and pages. */
export type LimitBase = 'auth' | 'codes' | 'unlock' | 'health' | 'pages' | 'default'

/** A route as data: what the router mounts and the OpenAPI document describes. */
export type Endpoint = {
  readonly method: Method
  readonly path: string
  readonly access: Access
  /** The scope that an access token needs. Without one, access tokens can only call public endpoints. */
  readonly scope?: Scope | undefined
  readonly limits: LimitGroups
  /** Undefined for what the OpenAPI document leaves out: the files of pages. */
  readonly description: Description | undefined
  readonly body: TSchema | undefined
  /** The most bytes of a body; `BODY_LIMIT` if undefined. */
  readonly bodyBytesMax: number | undefined
  readonly query: TObject | undefined
  /** See `Spec`. */
  readonly checksDisk: boolean
  readonly hooks: Hooks
  /** Whether a request with this query looks at much of the database; see heavy-reads.ts. */
  readonly isHeavy: ((query: unknown) => boolean) | undefined
  /** See `Spec`. */
  readonly waits: boolean
  readonly handle: (context: Context) => unknown
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** What a handler receives. */
export type Context = {
  readonly request: Request
  readonly caller: Caller
  /** The caller's account: present if `access` requires one. */
  readonly account: Account | undefined
  readonly params: unknown
  readonly query: unknown
  readonly body: unknown
  readonly set: { readonly headers: AnswerHeaders; status?: number | string }
  readonly server: Bun.Server<unknown> | null
  /** Aborted once nobody waits for the answer. */
  readonly signal: AbortSignal
}

export type AnswerHeaders = Record<string, string | number | undefined> & {
  'set-cookie'?: string | string[]
}

type Typed<A extends Access, Body, Query, Params> = Omit<
  Context,
  'account' | 'body' | 'query' | 'params'
> & {
  readonly account: A extends Exclude<Access, Role> ? Account | undefined : Account
  readonly body: Body extends TSchema ? Static<Body> : undefined
  readonly query: Query extends TSchema ? Static<Query> : undefined
  readonly params: Params extends TSchema ? Static<Params> : undefined
}

/** What a request goes through before its handler, in this order: the size of its body, `onAnonymous`, the guard of
 * `access`, room on the disk if it writes, `guard`, reading the body, `onInvalidBody` if that fails. */
type Hooks = {
  /** Returns whose limit a request counts against instead of its client's, if it proves that by
   * something other than an access token, such as a refresh token. Called before the limits, and not
   * for an invalid body. */
  readonly countsAs?: (
    context: Incoming & { readonly body: unknown },
  ) => Awaitable<string | undefined>
  /** Called before a caller without an account is refused. */
  readonly onAnonymous?: (context: Incoming) => Promise<void>
  /** Throws for a caller that `access` alone would admit. May return the account that it found, which
   * is then that of the caller. */
  readonly guard?: (context: Incoming) => Promise<Account | undefined | void> | void
  /** Called before an invalid body is refused. */
  readonly onInvalidBody?: (context: Incoming) => Promise<void>
}

type Incoming = { readonly request: Request; readonly caller: Caller }

type Awaitable<Value> = Value | Promise<Value>

/** What a handler may return: the type of `answers[200]` or `answers[202]`, or a Response. */
type Result<Ok> = Ok extends { readonly schema: infer Schema extends TSchema }
  ? Static<Schema> | Response
  : string | Response

type Spec<A extends Access, Body, Query, Params, Ok> = Omit<
  Description,
  'access' | 'body' | 'query' | 'params' | 'answers'
> &
  Omit<Hooks, 'countsAs'> & {
    readonly countsAs?: (
      context: Incoming & Pick<Typed<A, Body, Query, Params>, 'body'>,
    ) => Awaitable<string | undefined>
    readonly method: Method
    readonly path: string
    readonly access: A
    /** `default` unless given; `changes` alone stands for `default` and `changes`. */
    readonly limits?: LimitGroups | readonly ['changes']
    /** Given if some or all requests look at much of the database. */
    readonly isHeavy?: (query: Query extends TSchema ? Static<Query> : undefined) => boolean
    /** True if it waits for something to happen, and so may take longer than a database may. */
    readonly waits?: boolean
    /** It decides itself what it refuses on a full disk, or frees space; any other request that writes
     * is refused by who makes it. */
    readonly checksDisk?: boolean
    /** An object's fields are checked before the handler runs; any other schema is for the OpenAPI
     * document, and the handler reads the body itself. */
    readonly body?: Body
    /** The most bytes of a body that the handler reads itself. */
    readonly bodyBytesMax?: number
    readonly query?: Query
    readonly params?: Params
    readonly answers: ({ readonly 200: Ok } | { readonly 202: Ok }) &
      Readonly<Record<number, Answer | readonly Answer[]>>
  }

/** Creates an endpoint. One schema checks the request, types the handler and describes both in the
 * OpenAPI document. */
export const endpoint = <
  const A extends Access,
  const Ok extends Answer | readonly Answer[],
  Body extends TSchema | undefined = undefined,
  Query extends TObject | undefined = undefined,
  Params extends TObject | undefined = undefined,
>(
  spec: Spec<A, Body, Query, Params, Ok>,
  handle: (context: Typed<A, Body, Query, Params>) => Result<Ok> | Promise<Result<Ok>>,
): Endpoint => {
  const {
    method,
    path,
    limits = ['default'],
    checksDisk = false,
    isHeavy,
    waits = false,
    ...described
  } = spec
  const { bodyBytesMax, countsAs, onAnonymous, guard, onInvalidBody, ...rest } = described
  return {
    method,
    path,
    access: spec.access,
    scope: spec.scope,
    limits: limits[0] === 'changes' ? ['default', 'changes'] : limits,
    description: rest as unknown as Description,
    body: spec.body,
    bodyBytesMax,
    query: spec.query,
    checksDisk,
    hooks: {
      // The schema has checked the type of the body.
      ...(countsAs && { countsAs: countsAs as NonNullable<Hooks['countsAs']> }),
      ...(onAnonymous && { onAnonymous }),
      ...(guard && { guard }),
      ...(onInvalidBody && { onInvalidBody }),
    },
    // The schemas have checked these types.
    isHeavy: isHeavy as Endpoint['isHeavy'],
    waits,
    handle: handle as (context: Context) => unknown,
  }
}

/** Creates a public endpoint that the OpenAPI document leaves out: a file of a page. */
export const hiddenEndpoint = (
  path: string,
  handle: (context: Context) => Response | Promise<Response>,
): Endpoint => ({
  method: 'GET',
  path,
  access: 'public',
  limits: ['pages'],
  description: undefined,
  body: undefined,
  bodyBytesMax: undefined,
  query: undefined,
  checksDisk: false,
  hooks: {},
  isHeavy: undefined,
  waits: false,
  handle,
})

/** What an Elysia app says about one of its routes. */
export type Route = {
  readonly method: string
  readonly path: string
  readonly hooks: { readonly detail?: RouteDetail }
}

export type RouteDetail = DocumentDecoration & {
  readonly 'x-access'?: Access
  readonly 'x-document'?: (path: string, schemaOf: DocumentSchema) => DocumentDecoration
}
