// SPDX-License-Identifier: Apache-2.0

/** By code: its name, and what HTTP answers for it. Source: google/rpc/code.proto. */
const statuses = [
  ['OK', 200],
  ['CANCELLED', 499],
  ['UNKNOWN', 500],
  ['INVALID_ARGUMENT', 400],
  ['DEADLINE_EXCEEDED', 504],
  ['NOT_FOUND', 404],
  ['ALREADY_EXISTS', 409],
  ['PERMISSION_DENIED', 403],
  ['RESOURCE_EXHAUSTED', 429],
  ['FAILED_PRECONDITION', 400],
  ['ABORTED', 409],
  ['OUT_OF_RANGE', 400],
  ['UNIMPLEMENTED', 501],
  ['INTERNAL', 500],
  ['UNAVAILABLE', 503],
  ['DATA_LOSS', 500],
  ['UNAUTHENTICATED', 401],
] as const

/** The members of a row that say how a call ended. Codes that gRPC does not know are UNKNOWN, as it asks. */
export function endingOf(code: unknown): { readonly status: number; readonly error?: string } {
  const [name, status] = statuses[typeof code === 'number' ? code : 2] ?? statuses[2]
  return code === 0 ? { status } : { status, error: name }
}
