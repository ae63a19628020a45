// SPDX-License-Identifier: Apache-2.0
import { currentContext } from '../context.ts'
import { activeSpan } from '../trace-bridge.ts'

/** The ids that a line of another logger is to show: those that its row has. Undefined where there is none. */
export function lineIds(): {
  readonly request_id: string | undefined
  readonly trace_id: string | undefined
} {
  const context = currentContext()
  return { request_id: context?.request_id, trace_id: (activeSpan() ?? context)?.trace_id }
}
