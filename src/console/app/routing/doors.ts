import { withQuery } from '../api/client.ts'

export const DOORS = '/console/doors'
export const ACCESS = '/console/access'
export const HOLIDAYS = '/console/holidays'

/** The address of a door's page. */
export const doorAddress = (label: string): string => `${DOORS}/${label}`

type Question = { readonly holder?: string; readonly at?: string }

/** The address of the explanation whether somebody may open a door at a time. */
export const whyAddress = (label: string, question: Question = {}): string =>
  withQuery(`${DOORS}/${label}/why`, question)

/** The address of a grant's page. */
export const grantAddress = (id: string): string => `${ACCESS}/${id}`

type Beginning = { readonly holder?: string; readonly lock?: string }

/** The address of the form that gives access, with what is known already. */
export const newGrantAddress = (beginning: Beginning = {}): string =>
  withQuery(`${ACCESS}/new`, beginning)
