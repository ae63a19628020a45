// SPDX-License-Identifier: Apache-2.0
import { AsyncLocalStorage } from 'node:async_hooks'
import fasten, { background, currentContext } from 'fasten'

/**
 * @typedef {<T>(work: () => T) => T} Thread runs work in the context it was taken in
 * @typedef {{ [thread]?: Thread, _msgid?: string }} Message
 * @typedef {{ id: string, type: string, name?: string }} FlowNode
 * @typedef {{ msg: Message, source: { node: FlowNode } }} SendEvent
 * @typedef {{ msg: Message, destination: { node: FlowNode } }} ReceiveEvent
 * @typedef {{ msg: Message, node: { node: FlowNode }, error?: string | Error }} CompleteEvent
 * @typedef {{ add<E>(hook: string, callback: (event: E, done: () => void) => unknown): void }} Hooks
 */

/**
 * Where a message keeps the thread it belongs to: under a symbol, so that Node-RED's own nodes, some of which count the members
 * of a message, see what they always saw, and nothing that arrives as JSON can pose as one; and as a function, because
 * `RED.util.cloneMessage` copies objects deeply but hands functions on as they are.
 */
const thread = Symbol('fasten.thread')

/** True inside the work a message has caused. Elsewhere the current context is whatever was current when a node was started. */
const inMessage = /** @type {AsyncLocalStorage<true>} */ (new AsyncLocalStorage())

/** Plugins are loaded outside any request. */
const outside = AsyncLocalStorage.snapshot()

/**
 * Lets every message carry its thread through Node-RED's messaging hooks: a row emitted three nodes later, behind a queue
 * that holds messages of several requests, still bears the id of its own request.
 * @param {Hooks} hooks
 */
export function carryThreads(hooks) {
  hooks.add('onSend.fasten', function stamp(/** @type {SendEvent[]} */ events) {
    for (const { msg, source } of events) threadOf(msg, source.node)
  })

  // Having a second parameter, the hook says when it is done; what follows, the node's own work, then runs inside the thread.
  hooks.add('onReceive.fasten', function enter(/** @type {ReceiveEvent} */ { msg, destination }, done) {
    threadOf(msg, destination.node)(() => inMessage.run(true, done))
  })

  hooks.add('onComplete.fasten', function ended(/** @type {CompleteEvent} */ { msg, node: { node }, error }) {
    // A catch node may go on to hide the error; the thread shows it all the same.
    if (!error) return
    // Not `instanceof Error`: those of function nodes come from another realm.
    const text = typeof error === 'string' ? error : error.message
    threadOf(msg, node)(() => fasten.log.error(text, { node: node.name || node.id, node_type: node.type }))
  })
}

/**
 * The thread a message carries; it gets one here if it has none.
 * @param {Message} msg
 * @param {FlowNode} node
 * @returns {Thread}
 */
function threadOf(msg, node) {
  return (msg[thread] ??= begin(msg, node))
}

/**
 * @param {Message} msg
 * @param {FlowNode} node
 * @returns {Thread}
 */
function begin(msg, node) {
  // A message of a broker has come with a context of its own, in which its node sends on what it was given.
  if (node.type === 'mqtt in' && currentContext()?.method === 'mqtt') return AsyncLocalStorage.snapshot()
  // A timer's message is brand new; one that a person sent with the button of the node has an id already.
  const isTimer = node.type === 'inject' && msg._msgid === undefined
  if (!isTimer && (inMessage.getStore() || node.type === 'http in' || node.type === 'inject'))
    return AsyncLocalStorage.snapshot()
  // A node that runs on a timer or listens to a broker was started by some deployment, whose context would cling to it for ever.
  return outside(() =>
    background(isTimer ? 'scheduler' : 'bg', () => AsyncLocalStorage.snapshot(), node.name || node.id),
  )
}
