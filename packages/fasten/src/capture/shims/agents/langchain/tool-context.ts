// SPDX-License-Identifier: Apache-2.0
import type { OpenTool } from '../recorder.ts'

/** Rows of tools that run, by LangChain's id of the run: where the handler and the tool's own code meet. */
const openTools = new Map<string, OpenTool>()

export function noteOpenTool(runId: string, open: OpenTool): void {
  openTools.set(runId, open)
}

export function forgetOpenTool(runId: string): void {
  openTools.delete(runId)
}

type Call = (this: unknown, ...args: unknown[]) => unknown

const instrumented = new WeakMap<object, () => void>()

/**
 * From now on the code of this tool runs as caused by the row that a handler of ours makes of its call. A handler alone cannot see to that: LangChain tells it
 * before and after, and runs the tool beside it. Without this, what a tool does has the request's id all the same, and the cause that the caller had. Idempotent;
 * answers the function that undoes it.
 */
export function instrumentTool(tool: object): () => void {
  const calling = tool as { _call?: Call }
  const { _call: call } = calling
  if (typeof call !== 'function') throw new TypeError('instrumentTool() takes a tool of LangChain')
  const already = instrumented.get(tool)
  if (already !== undefined) return already
  const isOwn = Object.hasOwn(tool, '_call')
  const ours: Call = function (...args) {
    const { runId } = (args[1] ?? {}) as { readonly runId?: unknown }
    const open = typeof runId === 'string' ? openTools.get(runId) : undefined
    const go = (): unknown => Reflect.apply(call, this, args)
    return open === undefined ? go() : open.within(go)
  }
  Object.defineProperty(tool, '_call', { configurable: true, writable: true, enumerable: false, value: ours })
  const undo = (): void => {
    instrumented.delete(tool)
    if (calling._call !== ours) return
    if (isOwn) calling._call = call
    else delete calling._call
  }
  instrumented.set(tool, undo)
  return undo
}
