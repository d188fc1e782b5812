import type { Static, TObject, TSchema } from '@sinclair/typebox'
import type { DocumentDecoration } from 'elysia'
import type { Account, Role } from '../domain/account.ts'
import type { Answer } from './answers.ts'
import type { Access, Caller } from './authorization.ts'
import type { Description } from './openapi/operation.ts'
import type { DocumentSchema } from './openapi/schemas.ts'

/** The limits a request may count against: one of the first three, plus `changes` if it leaves
 * an audit event. `basic` counts requests with a name and password against `auth`. */
export type LimitGroup = 'auth' | 'unlock' | 'default' | 'changes' | 'basic'

/** A route as data: what the router mounts and the OpenAPI document describes. */
export type Endpoint = {
  readonly method: Method
  readonly path: string
  readonly access: Access
  readonly limits: readonly LimitGroup[]
  /** Undefined for what the OpenAPI document leaves out: the files of pages. */
  readonly description: Description | undefined
  readonly body: TSchema | undefined
  readonly query: TObject | undefined
  readonly hooks: Hooks
  /** Whether a request with this query looks at much of the database; see heavy-reads.ts. */
  readonly isHeavy: ((query: unknown) => boolean) | undefined
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

type AnswerHeaders = Record<string, string | number | undefined> & {
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

/** What a request goes through before its handler, in this order: `onAnonymous`, the guard of
 * `access`, `guard`, reading the body, `onInvalidBody` if that fails. */
type Hooks = {
  /** Called before a caller without an account is refused. */
  readonly onAnonymous?: (context: Incoming) => Promise<void>
  /** Throws for a caller that `access` alone would admit. */
  readonly guard?: (context: Incoming) => Promise<void> | void
  /** Called before an invalid body is refused. */
  readonly onInvalidBody?: (context: Incoming) => Promise<void>
}

type Incoming = { readonly request: Request; readonly caller: Caller }

/** What a handler may return: the type of `answers[200]` or `answers[202]`, or a Response. */
type Result<Ok> = Ok extends { readonly schema: infer Schema extends TSchema }
  ? Static<Schema> | Response
  : string | Response

type Spec<A extends Access, Body, Query, Params, Ok> = Omit<
  Description,
  'access' | 'body' | 'query' | 'params' | 'answers'
> &
  Hooks & {
    readonly method: Method
    readonly path: string
    readonly access: A
    /** `default` unless given; `changes` alone stands for `default` and `changes`. */
    readonly limits?: readonly LimitGroup[]
    /** Given if some or all requests look at much of the database. */
    readonly isHeavy?: (query: Query extends TSchema ? Static<Query> : undefined) => boolean
    /** An object's fields are checked before the handler runs; any other schema is for the OpenAPI
     * document, and the handler reads the body itself. */
    readonly body?: Body
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
  const { method, path, limits = ['default'], isHeavy, ...described } = spec
  const { onAnonymous, guard, onInvalidBody, ...rest } = described
  return {
    method,
    path,
    access: spec.access,
    limits: limits.join() === 'changes' ? ['default', 'changes'] : limits,
    description: rest as unknown as Description,
    body: spec.body,
    query: spec.query,
    hooks: {
      ...(onAnonymous && { onAnonymous }),
      ...(guard && { guard }),
      ...(onInvalidBody && { onInvalidBody }),
    },
    // The schemas have checked these types.
    isHeavy: isHeavy as Endpoint['isHeavy'],
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
  limits: ['default'],
  description: undefined,
  body: undefined,
  query: undefined,
  hooks: {},
  isHeavy: undefined,
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
