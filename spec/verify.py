#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks an evidence pack, as verify.mjs does, written apart from it: Python 3.9, standard library, and the `openssl` command.

    python3 verify.py PACK --key KEY [--key KEY ...] [--policy FILE] [--checkpoint FILE ...]

Prints the verdict as JSON and ends with 0 for PASS, 3 for FAIL, 4 for INCOMPLETE. A second reading of pack.md, proofs.md and
canonical.md: a mistake in one of the two programs shows as a difference to the other. Python has no Ed25519 of its own;
`openssl pkeyutl -verify` has. Its answers are remembered, because evidence repeats the same signatures.
"""
import base64
import binascii
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile

SAFE = 2**53 - 1
LEVELS_MAX = 512
NOTE_BYTES_MAX = 1_000_000
NOTE_SIGNATURES_MAX = 64
PATH_HASHES_MAX = 63
# The characters that Unicode calls white space.
WHITE_SPACE = '\t\n\x0b\x0c\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000'
KEY_NAME = re.compile('[^%s+\x00-\x1f]+' % WHITE_SPACE)


class Refused(Exception):
    """Evidence that cannot be believed; its first argument is the code of proofs.md."""


# --- canonical.md ---------------------------------------------------------------------------------------------------


def canonical(value, level=0):
    if value is None:
        return 'null'
    if isinstance(value, bool):
        return 'true' if value else 'false'
    if isinstance(value, (int, float)):
        return number(float(value))
    if isinstance(value, str):
        return string(value)
    if level >= LEVELS_MAX:
        raise Refused('nesting')
    if isinstance(value, list):
        return '[' + ','.join(canonical(item, level + 1) for item in value) + ']'
    for name in value:
        string(name)
    names = sorted(value, key=lambda name: name.encode('utf-16-be'))
    return '{' + ','.join(string(name) + ':' + canonical(value[name], level + 1) for name in names) + '}'


SHORT = {'"': '\\"', '\\': '\\\\', '\b': '\\b', '\f': '\\f', '\n': '\\n', '\r': '\\r', '\t': '\\t'}


def string(text):
    # json.loads joins escaped pairs, so any surrogate left is a lone one.
    if re.search('[\ud800-\udfff]', text):
        raise Refused('lone surrogate')
    return '"' + re.sub(r'["\\\x00-\x1f]', lambda m: SHORT.get(m[0]) or '\\u%04x' % ord(m[0]), text) + '"'


def number(value):
    """As ECMAScript's Number::toString: repr has the same shortest digits, laid out differently."""
    if value != value or value in (float('inf'), float('-inf')):
        raise Refused('number')
    if value == 0:
        return '0'
    sign, digits, exponent = re.fullmatch(r'(-?)([\d.]+)(?:e([+-]\d+))?', repr(value)).groups()
    whole, _, fraction = digits.partition('.')
    point = len(whole) + int(exponent or 0)
    digits = whole + fraction
    point -= len(digits) - len(digits.lstrip('0'))
    digits = digits.strip('0')
    count = len(digits)
    if count <= point <= 21:
        text = digits + '0' * (point - count)
    elif 0 < point <= 21:
        text = digits[:point] + '.' + digits[point:]
    elif -6 < point <= 0:
        text = '0.' + '0' * -point + digits
    else:
        power = point - 1
        text = digits[0] + ('.' + digits[1:] if count > 1 else '') + 'e' + ('+' if power > 0 else '-') + str(abs(power))
    return sign + text


def levels(text):
    depth = deepest = 0
    for token in re.findall(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', text):
        depth += (token in '[{') - (token in ']}')
        deepest = max(deepest, depth)
    return deepest


def refuse_constant(name):
    raise ValueError(name)


def is_canonical(text):
    if levels(text) > LEVELS_MAX:
        return False
    try:
        # Printing what was read and comparing finds every other way to say it, names that occur twice among them.
        return canonical(json.loads(text, parse_constant=refuse_constant)) == text
    except (ValueError, OverflowError, Refused):
        return False


# --- numbers, base64, hashes ---------------------------------------------------------------------------------------


def count_of(text):
    if re.fullmatch('0|[1-9][0-9]{0,15}', text, re.ASCII) and int(text) <= SAFE:
        return int(text)
    return None


def base64_of(text):
    """The bytes, or None for any text but the one that an encoder writes."""
    try:
        data = base64.b64decode(text.encode('ascii'), validate=True)
    except (binascii.Error, UnicodeEncodeError, ValueError):
        return None
    return data if base64.b64encode(data).decode() == text else None


def hash_of(text):
    data = base64_of(text) if len(text) == 44 else None
    return data.hex() if data is not None and len(data) == 32 else None


def is_hash(text):
    return isinstance(text, str) and re.fullmatch('[0-9a-f]{64}', text) is not None


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def leaf_hash(leaf):
    return sha256(b'\0' + leaf)


def join(left, right):
    return sha256(b'\1' + bytes.fromhex(left) + bytes.fromhex(right))


def split_of(size):
    """The largest power of two below a size of 2 or more."""
    return 1 << ((size - 1).bit_length() - 1)


def frontier_of(hashes):
    stack = []
    for at, leaf in enumerate(hashes):
        while at & 1:
            leaf, at = join(stack.pop(), leaf), at >> 1
        stack.append(leaf)
    return stack


def root_of(hashes):
    stack = frontier_of(hashes)
    if not stack:
        return sha256(b'')
    root = stack.pop()
    while stack:
        root = join(stack.pop(), root)
    return root


# --- proofs.md: inclusion and consistency ---------------------------------------------------------------------------


def inclusion_path(hashes, index):
    if len(hashes) == 1:
        return []
    split = split_of(len(hashes))
    if index < split:
        return inclusion_path(hashes[:split], index) + [root_of(hashes[split:])]
    return inclusion_path(hashes[split:], index - split) + [root_of(hashes[:split])]


def consistency_path(hashes, older, is_known=True):
    if older == 0:
        return []
    if older == len(hashes):
        return [] if is_known else [root_of(hashes)]
    split = split_of(len(hashes))
    if older <= split:
        return consistency_path(hashes[:split], older, is_known) + [root_of(hashes[split:])]
    return consistency_path(hashes[split:], older - split, False) + [root_of(hashes[:split])]


def is_included(leaf, index, path, size, root):
    if not (0 <= index < size and is_hash(leaf) and all(map(is_hash, path))):
        return False
    last, found = size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if index & 1 or index == last:
            found = join(sibling, found)
            while index and not index & 1:
                index, last = index >> 1, last >> 1
        else:
            found = join(found, sibling)
        index, last = index >> 1, last >> 1
    return last == 0 and found == root


def is_consistent(path, older, older_root, newer, newer_root):
    if older > newer or not all(map(is_hash, path)):
        return False
    if older == newer:
        return not path and older_root == newer_root
    if older == 0:
        return not path and older_root == sha256(b'')
    if not path:
        return False
    if older & (older - 1) == 0:
        path = [older_root] + path
    at, last = older - 1, newer - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    was = now = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            was, now = join(sibling, was), join(sibling, now)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            now = join(now, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and was == older_root and now == newer_root


# --- proofs.md: keys and notes --------------------------------------------------------------------------------------


class Key:
    """A verifier key: name, id of eight hex digits, kind (1 signs notes, 4 cosigns), 32 bytes."""

    def __init__(self, text):
        name, plus, rest = text.partition('+')
        self.id, plus, material = rest.partition('+')
        data = base64_of(material)
        if not (plus and KEY_NAME.fullmatch(name) and re.fullmatch('[0-9a-f]{8}', self.id) and data):
            raise Refused('BAD_VERIFIER_KEY', '"%s" is no key to verify with; copy the whole line' % text)
        self.name, self.kind, self.public = name, data[0], data[1:]
        if self.kind not in (1, 4) or len(self.public) != 32 or key_id(name, data) != self.id:
            raise Refused('BAD_VERIFIER_KEY', '"%s" is no key to verify with; copy the whole line' % text)


    @classmethod
    def made(cls, name, public):
        """The key of a log that signs notes with this public key."""
        return cls(key_text(name, 1, public))


def key_id(name, data):
    return sha256(name.encode() + b'\n' + data)[:8]


def key_text(name, kind, public):
    data = bytes([kind]) + public
    return '%s+%s+%s' % (name, key_id(name, data), base64.b64encode(data).decode())


SPKI = bytes.fromhex('302a300506032b6570032100')
remembered = {}


def is_signed(public, message, signature):
    """Whether `signature` over `message` is of the Ed25519 key with these 32 bytes. Asks openssl once for each triple."""
    if len(signature) != 64:
        return False
    question = (public, message, signature)
    if question not in remembered:
        with tempfile.TemporaryDirectory() as folder:
            for name, data in (('key', SPKI + public), ('message', message), ('signature', signature)):
                with open(os.path.join(folder, name), 'wb') as file:
                    file.write(data)
            asked = 'openssl pkeyutl -verify -pubin -keyform DER -inkey key -rawin -in message -sigfile signature'
            remembered[question] = subprocess.run(asked.split(), cwd=folder, capture_output=True).returncode == 0
    return remembered[question]


def parse_note(note):
    """(text, [(name, id, bytes)]) of a note given as text or as bytes."""
    if isinstance(note, bytes):
        try:
            note = note.decode('utf-8')
        except UnicodeDecodeError:
            raise Refused('NOTE_MALFORMED', 'not UTF-8') from None
    if re.search('[\x00-\x09\x0b-\x1f\ud800-\udfff]', note) or len(note) > NOTE_BYTES_MAX:
        raise Refused('NOTE_MALFORMED', 'a character that no note has, or too long')
    split = note.rfind('\n\n')
    lines = note[split + 2 :].split('\n')
    if split < 0 or lines.pop() != '' or not 1 <= len(lines) <= NOTE_SIGNATURES_MAX:
        raise Refused('NOTE_MALFORMED', 'no signature lines')
    return note[: split + 1], [signature_of(line) for line in lines]


def signature_of(line):
    parts = line.split(' ')
    data = base64_of(parts[2]) if len(parts) == 3 and parts[0] == '\u2014' and KEY_NAME.fullmatch(parts[1]) else None
    if data is None or len(data) < 5:
        raise Refused('NOTE_MALFORMED', 'no signature line')
    return parts[1], data[:4].hex(), data[4:]


def cosigned_message(text, time):
    return 'cosignature/v1\ntime %d\n%s' % (time, text)


def open_note(note, keys):
    """(text, {key: time or None}) once at least one of `keys` signed and none of their lines is false."""
    text, signatures = parse_note(note)
    signers = {}
    for name, identity, data in signatures:
        key = next((key for key in keys if (key.name, key.id) == (name, identity)), None)
        if key is None:
            continue
        time, message = None, text
        if key.kind == 4:
            time = int.from_bytes(data[:8], 'big')
            if len(data) != 72 or time > SAFE:
                raise Refused('NOTE_FORGED', name)
            message, data = cosigned_message(text, time), data[8:]
        if not is_signed(key.public, message.encode(), data):
            raise Refused('NOTE_FORGED', name)
        if key not in signers or (time or 0) > (signers[key] or 0):
            signers[key] = time
    if not signers:
        raise Refused('NOTE_UNTRUSTED', 'none of the given keys signed')
    return text, signers


# --- proofs.md: checkpoints, tlog-proofs, policies ------------------------------------------------------------------


class Checkpoint:
    """Size and root of a log that one of `logs` signed. Nothing below takes a size or a root from anywhere else."""

    def __init__(self, note, logs, witnesses=()):
        text, signers = open_note(note, [*logs, *witnesses])
        self.text = text
        self.origin, self.size, self.root, self.extensions = parse_checkpoint(text)
        if not any(key.kind == 1 and key.name == self.origin for key in signers):
            raise Refused('NOTE_UNTRUSTED', 'not signed by its log')
        self.cosigned_by = {key: time for key, time in signers.items() if key.kind == 4}


def parse_checkpoint(text):
    lines = text.split('\n')
    if lines.pop() != '' or len(lines) < 3 or '' in lines:
        raise Refused('CHECKPOINT_MALFORMED', 'lines')
    size, root = count_of(lines[1]), hash_of(lines[2])
    if size is None or root is None:
        raise Refused('CHECKPOINT_MALFORMED', 'size or root')
    return lines[0], size, root, lines[3:]


def parse_path(lines):
    path = [hash_of(line) for line in lines]
    if None in path or len(path) > PATH_HASHES_MAX:
        raise Refused('PROOF_MALFORMED', 'hashes')
    return path


def parse_tlog_proof(file):
    """(index, path, checkpoint, extra or None)"""
    if isinstance(file, bytes):
        try:
            file = file.decode('utf-8')
        except UnicodeDecodeError:
            raise Refused('PROOF_MALFORMED', 'not UTF-8') from None
    head, blank, checkpoint = file.partition('\n\n')
    lines, extra = head.split('\n'), None
    if not blank or lines.pop(0) != 'c2sp.org/tlog-proof@v1':
        raise Refused('PROOF_MALFORMED', 'first line')
    if lines and lines[0].startswith('extra '):
        extra = base64_of(lines.pop(0)[len('extra ') :])
        if extra is None:
            raise Refused('PROOF_MALFORMED', 'extra')
    index = count_of(lines[0][len('index ') :]) if lines and lines[0].startswith('index ') else None
    if index is None:
        raise Refused('PROOF_MALFORMED', 'index')
    return index, parse_path(lines[1:]), checkpoint, extra


class Policy:
    """Whom to believe: keys of logs, keys of witnesses, and which cosignatures are enough."""

    def __init__(self, text):
        self.logs, self.witnesses, self.groups, self.quorum = [], {}, {}, None
        for line in text.split('\n'):
            if re.search('[\x00-\x08\x0b-\x1f\x7f]', line):
                raise Refused('BAD_POLICY', line)
            words = [word for word in re.split('[ \t]+', line) if word]
            if words and not words[0].startswith('#'):
                self.take(words)
        if self.quorum is None:
            raise Refused('BAD_POLICY', 'no quorum')

    def take(self, words):
        verb, rest = words[0], words[1:]
        names = {*self.witnesses, *self.groups}
        if verb == 'log' and len(rest) in (1, 2):
            key = self.key(rest[0], 1)
            if any((key.name, key.public) == (other.name, other.public) for other in self.logs):
                raise Refused('BAD_POLICY', 'twice')
            self.logs.append(key)
        elif verb == 'witness' and len(rest) in (2, 3) and rest[0] not in {*names, 'none'}:
            key = self.key(rest[1], 4)
            if any(key.public == other.public for other in self.witnesses.values()):
                raise Refused('BAD_POLICY', 'twice')
            self.witnesses[rest[0]] = key
        elif verb == 'group' and len(rest) > 2 and rest[0] not in {*names, 'none'}:
            members = rest[2:]
            used = {member for _, others in self.groups.values() for member in others}
            if not names.issuperset(members) or len(set(members)) < len(members) or used.intersection(members):
                raise Refused('BAD_POLICY', 'members')
            spelled = {'any': '1', 'all': str(len(members))}.get(rest[1], rest[1])
            if not re.fullmatch('[1-9][0-9]{0,8}', spelled) or int(spelled) > len(members):
                raise Refused('BAD_POLICY', 'threshold')
            self.groups[rest[0]] = (int(spelled), members)
        elif verb == 'quorum' and len(rest) == 1 and self.quorum is None and rest[0] in {*names, 'none'}:
            self.quorum = rest[0]
        else:
            raise Refused('BAD_POLICY', ' '.join(words))

    def key(self, text, kind):
        key = Key(text)
        if key.kind != kind:
            raise Refused('BAD_POLICY', 'role')
        return key

    def has_quorum(self, checkpoint):
        if self.quorum == 'none':
            return True
        publics = {key.public for key in checkpoint.cosigned_by}
        satisfied = {name for name, key in self.witnesses.items() if key.public in publics}
        for name, (threshold, members) in self.groups.items():
            if len(satisfied.intersection(members)) >= threshold:
                satisfied.add(name)
        return self.quorum in satisfied


# --- pack.md --------------------------------------------------------------------------------------------------------

FORMAT = 'fasten-pack/1'
VERIFIER_VERSION = 'fasten-pack-verify/1'
BREAKS_LISTED_MAX = 1000
NUMBERED = '(0|[1-9][0-9]{0,15})-(0|[1-9][0-9]{0,15})'


def is_count(value):
    return type(value) is int and 0 <= value <= SAFE


def parse_canonical(data):
    """The value of canonical JSON text given as bytes, or None."""
    try:
        text = data.decode('utf-8')
    except UnicodeDecodeError:
        return None
    return json.loads(text) if is_canonical(text) else None


def read(*path):
    path = os.path.join(*path)
    if not os.path.lexists(path):
        return None
    if os.path.islink(path) or not os.path.isfile(path):
        raise Refused('PACK_UNREADABLE', '%s is no regular file' % path)
    with open(path, 'rb') as file:
        return file.read()


def lines_of(*path):
    lines = (read(*path) or b'').split(b'\n')
    if lines[-1] == b'':
        lines.pop()
    return lines


def read_json(*path):
    lines = lines_of(*path)
    return parse_canonical(lines[0]) if len(lines) == 1 else None


def base_of(log):
    return re.sub(r'~[0-9]+\Z', '', log)


class Row:
    """A line of rows.jsonl: its place, and its leaf or, when it has expired, its hash."""

    def __init__(self, line):
        found = parse_canonical(line)
        if not isinstance(found, dict) or not isinstance(found.get('log'), str) or not is_count(found.get('monotonic_seq')):
            raise Refused('row_unreadable')
        self.log, self.seq, self.leaf, self.expired_hash = found['log'], found['monotonic_seq'], None, None
        if 'canonical_form_id' in found:
            self.leaf = line
        elif isinstance(found.get('leaf_base64'), str):
            self.leaf = base64_of(found['leaf_base64'])
        elif found.get('expired') is True and is_hash(found.get('hash')):
            self.expired_hash = found['hash']
        if self.leaf is None and self.expired_hash is None:
            raise Refused('row_unreadable')


class Log:
    """What is found of one log of a pack."""

    def __init__(self, folder, at, claim, rows, trusted, policy, remembered):
        self.folder, self.at, self.name, self.size = folder, at, claim['log'], claim['size']
        self.has_range = 'from' in claim
        self.start = claim.get('from', 0)
        self.end = claim.get('to', self.start)
        self.rows, self.breaks, self.notes, self.anchor = rows, [], set(), None
        self.compared, self.known = set(), {}
        self.sound, self.expired_places, self.tail, self.newest = {}, [], [], None
        self.bad, self.erased = set(), set()
        self.checked = self.missing = self.outside = self.expired = 0
        keys = [Key.made(self.name, key.public) for key in trusted if key.kind == 1 and base_of(key.name) == base_of(self.name)]
        self.follow_rotations(keys)
        self.open_checkpoints(policy, remembered)
        self.proofs = self.files('proofs', '.tlog-proof')
        self.hashes = self.check_range() if self.has_range else []
        self.check_continuity()
        for seq in sorted(rows):
            self.check_row(rows[seq])
        self.explain_expired()

    def note_break(self, kind, index, of_row=False):
        self.breaks.append((kind, index))
        if of_row:
            self.bad.add(index)

    def files(self, directory, ending):
        """{second number: path} of the files `<at>-<number>.<ending>`, in order of their names."""
        found = {}
        directory = os.path.join(self.folder, directory)
        for name in sorted(os.listdir(directory)) if os.path.isdir(directory) else []:
            match = re.fullmatch(NUMBERED + re.escape(ending), name)
            if match and match[1] == str(self.at):
                found[int(match[2])] = os.path.join(directory, name)
        return found

    def follow_rotations(self, keys):
        """Spans are (key, first size, last size) that it may sign; `former` the same of keys that led to a given one."""
        self.spans, self.former, unknown = [(key, 0, SAFE) for key in keys], [], []
        for seq, row in sorted(self.rows.items()):
            if row.leaf is None or self.leaf_problem(row, None) is not None:
                continue
            facts = own_facts(json.loads(row.leaf), 'KEY_ROTATED') or {}
            try:
                old, new, revoked = rotation_of(facts.get('statement'), self.name)
            except Refused:
                continue
            at = [index for index, (key, _, last) in enumerate(self.spans) if key.public == old.public and last > seq]
            is_known = any(key.public == new.public for key, _, _ in self.spans)
            if at:
                self.spans[at[0]] = (old, self.spans[at[0]][1], seq)
                if not is_known:
                    self.spans.append((new, seq + 1, SAFE))
                self.notes.add('key_revoked' if revoked else 'key_rotated')
            else:
                unknown.append((old, new, seq))
        for old, new, seq in reversed(unknown):
            if any(key.public == new.public for key, _, _ in self.spans + self.former):
                self.former.append((old, 0, seq))

    def open_checkpoint(self, note, spans, policy=None):
        lines = parse_note(note)[0].split('\n')
        claimed = (count_of(lines[1]) if len(lines) > 1 else None) or 0
        keys = [key for key, first, last in spans if first <= claimed <= last]
        checkpoint = Checkpoint(note, keys, policy.witnesses.values() if policy else ())
        checkpoint.note = note.decode()
        return checkpoint

    def try_checkpoint(self, note, spans, policy=None):
        try:
            return self.open_checkpoint(note, spans, policy)
        except Refused:
            return None

    def open_checkpoints(self, policy, remembered):
        self.own, self.kept = [], []
        if not self.spans:
            self.notes.update(('no_key', 'no_checkpoint'))
            return
        for _, path in sorted(self.files('checkpoints', '.checkpoint').items(), key=lambda item: item[1]):
            note = read(path)
            try:
                self.own.append(self.open_checkpoint(note, self.spans, policy))
            except Refused as refused:
                code = refused.args[0]
                if code == 'NOTE_UNTRUSTED' and self.try_checkpoint(note, self.former):
                    self.notes.add('signed_by_a_former_key')
                    continue
                kinds = {'NOTE_FORGED': 'checkpoint_forged', 'NOTE_UNTRUSTED': 'checkpoint_untrusted'}
                self.note_break(kinds.get(code, 'checkpoint_malformed'), 0)
        for note in remembered:
            checkpoint = self.try_checkpoint(note.encode(), self.spans)
            if checkpoint:
                self.kept.append(checkpoint)
                self.compared.add(note)
        self.own.sort(key=lambda checkpoint: checkpoint.size)
        newest = self.own[-1].size if self.own else -1
        largest = max([checkpoint.size for checkpoint in self.kept], default=-1)
        if newest > self.size or largest > min(self.size, newest):
            self.note_break('rolled_back', self.size)
        if not self.own:
            self.notes.add('no_checkpoint')
        elif policy is None or policy.has_quorum(self.own[-1]):
            self.anchor = self.own[-1]
            self.witnesses = None if policy is None else '%d/%d' % (len(self.anchor.cosigned_by), len(policy.witnesses))
        else:
            self.notes.add('no_quorum')

    def check_range(self):
        file = read_json(self.folder, 'hashes', '%d.json' % self.at)
        lists = [file.get(name) for name in ('left', 'hashes', 'right')] if isinstance(file, dict) else [None]
        sound = all(isinstance(each, list) and all(map(is_hash, each)) for each in lists)
        sound = sound and len(file['hashes']) == self.end - self.start
        if not sound:
            self.note_break('hashes_malformed', self.start)
        elif self.anchor is not None and self.anchor.size > self.start:
            left, right = subtrees(0, self.start), subtrees(self.end, self.anchor.size)
            fits = len(file['left']) == len(left) and len(file['right']) == len(right)
            known = self.known = {(self.start + at, self.start + at + 1): leaf for at, leaf in enumerate(file['hashes'])}
            known.update(zip(left, file['left']))
            known.update(zip(right, file['right']))
            if not fits or root_from(known, 0, self.anchor.size) != self.anchor.root:
                self.note_break('root_mismatch', self.start)
        for seq in range(self.start, self.end):
            if seq not in self.rows:
                self.missing += 1
                self.note_break('rows_missing', seq)
        return file['hashes'] if sound else []

    def check_continuity(self):
        proofs = self.files('proofs', '.consistency')
        for older in self.own + self.kept:
            if any(other.size == older.size and other.root != older.root for other in self.own):
                self.note_break('log_forked', older.size)
                continue
            newer = next((other for other in self.own if other.size > older.size), None)
            if newer is None:
                continue
            root = root_from(self.known, 0, older.size) if older.size <= (self.anchor.size if self.anchor else 0) else None
            if older.size in proofs:
                path = read_consistency(proofs[older.size], older.size)
                continues = is_consistent(path, older.size, older.root, newer.size, newer.root)
            elif root is not None:
                continues = root == older.root
            else:
                self.notes.add('continuity_unproven')
                continue
            if not continues:
                self.note_break('log_forked', older.size)

    def check_row(self, row):
        seq, at = row.seq, row.seq - self.start
        inside = self.has_range and self.start <= seq < self.end
        self.outside += not inside
        leaf = row.expired_hash or leaf_hash(row.leaf)
        wrong = None
        if inside and self.hash_at(at) not in (None, leaf):
            wrong = 'hash_mismatch'
        elif row.leaf is not None:
            wrong = self.leaf_problem(row, self.hash_at(at - 1) if inside else None)
        self.checked += row.leaf is not None
        if wrong is None and not inside:
            wrong = self.proof_problem(seq, leaf)
        if wrong is not None:
            return self.note_break(wrong, seq, True)
        members = None
        if row.leaf is None:
            self.expired_places.append(seq)
        else:
            members = self.sound[seq] = json.loads(row.leaf)
        if self.anchor is None or seq >= self.anchor.size:
            self.tail.append(seq)
        elif members is not None and isinstance(members.get('timestamp'), str):
            self.newest = members['timestamp']

    def hash_at(self, at):
        return self.hashes[at] if 0 <= at < len(self.hashes) else None

    def leaf_problem(self, row, previous):
        members = parse_canonical(row.leaf) if len(row.leaf) <= 65535 else None
        if not isinstance(members, dict):
            return 'leaf_unreadable'
        if members.get('canonical_form_id') != '3':
            return 'form_unknown'
        stream = re.search(r'/(audit|sys|api)(?:~[0-9]+)?\Z', self.name)
        seq = members.get('monotonic_seq')
        if stream is None or (members.get('log'), members.get('stream')) != (self.name, stream[1]) or not is_count(seq) or seq != row.seq:
            return 'place_mismatch'
        link = 'genesis' if row.seq == 0 else previous
        return None if link is None or members.get('prev_hash') == link else 'link_mismatch'

    def proof_problem(self, seq, leaf):
        if self.anchor is None or seq >= self.anchor.size:
            return None
        path = self.proofs.get(seq)
        if path is None:
            return 'row_unproven'
        try:
            index, hashes, note, _ = parse_tlog_proof(read(path))
        except Refused:
            return 'proof_wrong'
        proven = index == seq and note == self.anchor.note and is_included(leaf, index, hashes, self.anchor.size, self.anchor.root)
        return None if proven else 'proof_wrong'

    def explain_expired(self):
        runs = [run for seq, members in self.sound.items() for run in swept_runs(self.name, seq, members)]
        for seq in self.expired_places:
            if any(first <= seq <= last for first, last in runs):
                self.expired += 1
            else:
                self.note_break('expired_unexplained', seq, True)

    def verdict(self):
        if not self.has_range:
            self.notes.add('selected_rows_only')
        elif self.start > 0 or self.end < (self.anchor.size if self.anchor else 0):
            self.notes.add('part_of_the_log')
        if self.tail and self.anchor is not None:
            self.notes.add('unanchored_tail')
        breaks = break_runs(self.breaks)
        whole = self.anchor is not None and not self.tail and self.checked > 0 and 'continuity_unproven' not in self.notes
        return {
            'verdict': 'FAIL' if breaks else 'PASS' if whole else 'INCOMPLETE',
            'log': self.name,
            'from_index': self.start,
            'to_index': self.end,
            'rows_expected': (self.end - self.start if self.has_range else 0) + self.outside,
            'rows_checked': self.checked,
            'rows_expired': self.expired,
            'rows_erased': len(self.erased),
            'rows_missing': self.missing,
            'rows_bad': len(self.bad),
            'anchored_to': self.anchor and {'size': self.anchor.size, 'root': self.anchor.root, 'witnesses': self.witnesses},
            'unanchored_tail': {'rows': len(self.tail), 'since': self.newest if self.tail else None},
            'breaks': breaks[:BREAKS_LISTED_MAX],
            'breaks_total': len(breaks),
            'notes': sorted(self.notes),
        }


def break_runs(breaks):
    runs = []
    for kind, index in sorted(set(breaks)):
        if runs and runs[-1]['kind'] == kind and runs[-1]['to_index'] == index - 1:
            runs[-1]['to_index'] = index
        else:
            runs.append({'kind': kind, 'from_index': index, 'to_index': index})
    return sorted(runs, key=lambda run: (run['from_index'], run['kind']))


def subtrees(start, end):
    """The complete subtrees that cover the rows from `start` to `end`, the largest that fit, left to right."""
    places = []
    while start < end:
        width = 1
        while start % (width * 2) == 0 and start + width * 2 <= end:
            width *= 2
        places.append((start, start + width))
        start += width
    return places


def root_from(known, start, end):
    if (start, end) in known or end - start < 2:
        return known.get((start, end))
    middle = start + split_of(end - start)
    left, right = root_from(known, start, middle), root_from(known, middle, end)
    return None if left is None or right is None else join(left, right)


def read_consistency(path, older):
    first, *lines = read(path).decode('latin-1').split('\n\n')[0].split('\n')
    hashes = [hash_of(line) for line in lines]
    # A path that cannot be read leads nowhere.
    return hashes if first == 'old %d' % older and None not in hashes else ['']


def rotation_of(statement, log):
    """(old key, new key, whether the old one is revoked) of a statement that both signed. Raises Refused for anything else."""
    if not isinstance(statement, str):
        raise Refused('NOTE_MALFORMED', 'no statement')
    text, _ = parse_note(statement)
    lines = text.split('\n')
    revoked = lines[4:5] == ['revoked']
    if len(lines) != 5 + revoked or lines[-1] != '' or lines[:2] != ['fasten-key-rotation/v1', log]:
        raise Refused('NOTE_UNTRUSTED', 'no rotation of this log')
    old, new = Key(lines[2]), Key(lines[3])
    if {(old.name, old.kind), (new.name, new.kind)} != {(log, 1)}:
        raise Refused('NOTE_UNTRUSTED', 'keys of something else')
    for key in (old, new):
        open_note(statement, [key])
    return old, new, revoked


def own_facts(members, code):
    """What the store says in a row of its own; None of a row that anybody else wrote."""
    boot, stream = members.get('boot_id'), members.get('stream')
    if not (isinstance(boot, str) and boot.startswith('fa57e400')):
        return None
    if stream == 'sys':
        named, facts = (members.get('logger'), members.get('event')) == ('fasten', code), members.get('fields')
    elif stream == 'api':
        named, facts = members.get('path') == '/' + code, members.get('detail')
    else:
        named, facts = (members.get('domain'), members.get('code')) == ('fasten', code), members.get('detail')
    return facts if named and isinstance(facts, dict) else None


def swept_runs(log, seq, members, code='RETENTION_SWEPT'):
    facts = own_facts(members, code)
    if facts is None or facts.get('log') != log or not (is_count(facts.get('from')) and is_count(facts.get('to'))):
        return []
    if not (isinstance(facts.get('class'), str) and isinstance(facts.get('policy_hash'), str)):
        return []
    if not facts['from'] <= facts['to'] < seq:
        return []
    runs = parse_places(facts['places']) if 'places' in facts else [(facts['from'], facts['to'])]
    count = facts.get('count')
    agrees = runs and runs[0][0] == facts['from'] and runs[-1][1] == facts['to'] and is_count(count)
    return runs if agrees and sum(last - first + 1 for first, last in runs) == count else []


def parse_places(text):
    if not isinstance(text, str) or not re.fullmatch('[0-9]{1,15}(-[0-9]{1,15})?(,[0-9]{1,15}(-[0-9]{1,15})?)*', text):
        return []
    runs, before = [], -1
    for part in text.split(','):
        numbers = [int(number) for number in part.split('-')]
        first, last = numbers[0], numbers[-1]
        if first <= before or last < first:
            return []
        runs.append((first, last))
        before = last
    return runs


def is_disclosure(found):
    if not isinstance(found, dict) or not is_count(found.get('monotonic_seq')):
        return False
    texts = ['log', 'pointer', 'key_id'] + (['disclosure'] if found.get('state') == 'opened' else [])
    return found.get('state') in ('opened', 'gone', 'sealed') and all(isinstance(found.get(name), str) for name in texts)


def check_erasures(logs, disclosures, is_asked, breaks):
    by_name, beside = {log.name: log for log in logs}, {}
    for each in disclosures:
        place = (each['log'], each['monotonic_seq'], each['pointer'])
        log = by_name.get(each['log'])
        commitments = log.sound.get(each['monotonic_seq'], {}).get('sd') if log else None
        if not isinstance(commitments, dict) or not isinstance(commitments.get(each['pointer']), str) or place in beside:
            breaks.append({'kind': 'disclosure_misplaced', 'at': '%s %d %s' % place})
        else:
            beside[place] = each
    if not is_asked:
        if disclosures:
            breaks.append({'kind': 'pack_malformed', 'at': 'disclosures.jsonl'})
        return
    accounted = {}
    for log in logs:
        for members in log.sound.values():
            facts = own_facts(members, 'SUBJECT_ERASED') or {}
            about, keys = facts.get('log'), facts.get('keys')
            if not isinstance(keys, dict) or not isinstance(about, str) or base_of(about) != base_of(log.name):
                continue
            for key, values in keys.items():
                if is_count(values):
                    total, ranges = accounted.setdefault((about, key), [0, []])
                    accounted[about, key] = [total + values, ranges + ranges_of(facts.get('ranges'))]
    for log in logs:
        gone = {}
        swept = [run for seq, members in log.sound.items() for run in swept_runs(log.name, seq, members, 'DISCLOSURES_SWEPT')]
        for seq, members in log.sound.items():
            may_expire = members.get('pii_in_detail') is True and any(first <= seq <= last for first, last in swept)
            commitments = members.get('sd')
            for pointer, commitment in (commitments if isinstance(commitments, dict) else {}).items():
                each = beside.get((log.name, seq, pointer))
                if each is None and may_expire and (pointer + '/').startswith('/detail/'):
                    log.notes.add('details_expired')
                elif each is None:
                    log.note_break('disclosure_missing', seq, True)
                elif each['state'] == 'sealed':
                    log.notes.add('disclosures_sealed')
                elif each['state'] == 'gone':
                    gone.setdefault(each['key_id'], []).append(seq)
                else:
                    digest = hashlib.sha256(each['disclosure'].encode()).digest()
                    if base64.urlsafe_b64encode(digest).decode().rstrip('=') != commitment:
                        log.note_break('disclosure_mismatch', seq, True)
        for key, seqs in gone.items():
            values, ranges = accounted.get((log.name, key), (0, []))
            for seq in seqs:
                if len(seqs) <= values and any(first <= seq <= last for first, last in ranges):
                    log.erased.add(seq)
                else:
                    log.note_break('disclosure_missing', seq, True)


def ranges_of(pairs):
    pairs = pairs if isinstance(pairs, list) else []
    return [pair for pair in pairs if isinstance(pair, list) and len(pair) == 2 and all(map(is_count, pair))]


def check_generations(logs):
    by_name = {log.name: log for log in logs}
    for log in logs:
        previous = (own_facts(log.sound.get(0, {}), 'LOG_CREATED') or {}).get('previous_log')
        if isinstance(previous, dict) and isinstance(previous.get('log'), str):
            log.notes.add('continues_a_broken_log')
            broken, size = by_name.get(previous['log']), previous.get('size')
            if broken is None or broken is log or base_of(broken.name) != base_of(log.name):
                continue
            broken.notes.add('continued_by_its_successor')
            if is_count(size) and size > broken.size:
                broken.note_break('rolled_back', broken.size)
            elif is_count(size) and size > 0 and broken.hash_at(size - 1 - broken.start) not in (None, previous.get('head_hash')):
                broken.note_break('log_forked', size - 1)


def is_claim(claim):
    if not isinstance(claim, dict) or not isinstance(claim.get('log'), str) or not is_count(claim.get('size')):
        return False
    start, end = claim.get('from'), claim.get('to')
    if 'from' not in claim and 'to' not in claim:
        return True
    return is_count(start) and is_count(end) and start <= end <= claim['size']


def verify_pack(folder, keys=(), policy=None, remembered=()):
    """The verdict on the pack in a folder; keys, policy and remembered checkpoints as text. Raises Refused for those."""
    believed = None if policy is None else Policy(policy)
    trusted = [Key(text) for text in keys] + (believed.logs if believed else [])
    breaks, rows, disclosures = [], {}, []
    manifest = read_json(folder, 'logs.json')
    claims = manifest.get('logs') if isinstance(manifest, dict) and manifest.get('format') == FORMAT else None
    sound = isinstance(claims, list) and all(map(is_claim, claims)) and len({claim['log'] for claim in claims}) == len(claims)
    if not sound:
        breaks.append({'kind': 'pack_malformed', 'at': 'logs.json'})
    for at, line in enumerate(lines_of(folder, 'rows.jsonl'), 1):
        try:
            row = Row(line)
        except Refused:
            breaks.append({'kind': 'row_unreadable', 'at': 'rows.jsonl:%d' % at})
            continue
        if row.seq in rows.get(row.log, {}):
            breaks.append({'kind': 'duplicate_seq', 'at': 'rows.jsonl:%d' % at})
        else:
            rows.setdefault(row.log, {})[row.seq] = row
    for at, line in enumerate(lines_of(folder, 'disclosures.jsonl'), 1):
        found = parse_canonical(line)
        if is_disclosure(found):
            disclosures.append(found)
        else:
            breaks.append({'kind': 'disclosure_unreadable', 'at': 'disclosures.jsonl:%d' % at})
    logs = [
        Log(folder, at, claim, rows.pop(claim['log'], {}), trusted, believed, remembered)
        for at, claim in enumerate(claims if sound else [])
    ]
    breaks += [{'kind': 'log_unknown', 'at': name} for name in rows]
    check_erasures(logs, disclosures, sound and manifest.get('disclosures') is True, breaks)
    check_generations(logs)
    verdicts = [log.verdict() for log in logs]
    kinds = [verdict['verdict'] for verdict in verdicts]
    answered = all(any(note in log.compared for log in logs) for note in remembered)
    incomplete = 'INCOMPLETE' in kinds or not kinds or not answered
    return {
        'verdict': 'FAIL' if breaks or 'FAIL' in kinds else 'INCOMPLETE' if incomplete else 'PASS',
        'logs': verdicts,
        'breaks': breaks,
        'notes': [] if answered else ['checkpoint_not_compared'],
        'policy_sha256': None if policy is None else sha256(policy.encode()),
        'verifier_version': VERIFIER_VERSION,
    }


def keys_from(text):
    """A key, or a file with one on each line; the text of a key has plus signs."""
    if '+' in text and not os.path.exists(text):
        return [text]
    with open(text, encoding='utf-8') as file:
        return [line for line in file.read().split('\n') if line and not line.startswith('#')]


def checkpoints_in(text, name):
    """The checkpoints of a file: those of several logs may stand one below the other, a blank line between."""
    notes, note = [], ''
    for line in (text.rstrip() + '\n').split('\n'):
        if note and not line and note.split('\n')[-2].startswith('\u2014 '):
            notes.append(note)
            note = ''
        elif note or line:
            note += line + '\n'
    if not any('\n\u2014 ' in each for each in notes):
        raise Refused('BAD_ARGUMENT', '%s holds no checkpoint' % name)
    return notes


NOTES_TOLD = {
    'checkpoint_not_compared': 'a checkpoint that you remember is of no log of this pack, or no key that you gave has signed it',
    'continued_by_its_successor': 'this log was broken off; the one that continues it is in this pack',
    'continues_a_broken_log': 'this log continues one that was broken off; its row 0 says why',
    'continuity_unproven': 'the pack does not show that a checkpoint continues an older one',
    'details_expired': 'personal values of details have expired, as rows of sweeps say; the rows themselves are here',
    'disclosures_sealed': 'personal values are there that nobody here can open; they were not compared',
    'key_revoked': 'the old key was declared to be in wrong hands: what it signed is only worth what others confirm',
    'key_rotated': 'the key was replaced; both keys signed for it, so the new one is followed',
    'no_checkpoint': 'nobody has signed for these rows: whoever can write the store could have rewritten them',
    'no_key': 'no key of this log was given with --key or --policy, so no signature was looked at',
    'no_quorum': 'no checkpoint has the witnesses that the policy asks for',
    'part_of_the_log': 'the log has rows before or behind this range; they are not shown',
    'selected_rows_only': 'these are some rows of the log: each is proven, and others may have been left out',
    'signed_by_a_former_key': 'older checkpoints are signed by a key that you did not give; they were not looked at',
    'unanchored_tail': 'the newest rows are behind the last checkpoint: nobody has signed for them',
}

BREAKS_TOLD = {
    'checkpoint_forged': 'the signed end of this log was changed after it was signed',
    'checkpoint_malformed': 'a signed end of this log cannot be read',
    'checkpoint_untrusted': 'a signed end of this log was signed by none of your keys',
    'disclosure_mismatch': 'a personal value is not the one that the row was made with',
    'disclosure_missing': 'a personal value is gone, and no erasure accounts for it',
    'disclosure_misplaced': 'a personal value lies beside no row that it belongs to',
    'disclosure_unreadable': 'a personal value cannot be read',
    'duplicate_seq': 'two rows claim the same place',
    'expired_unexplained': 'the content is gone, and no row of the log says that its time was up',
    'form_unknown': 'written in a form that this program does not know',
    'hash_mismatch': 'not the row that was recorded: something in it was changed',
    'hashes_malformed': 'the hashes of the rows are missing or are not as many as the rows',
    'leaf_unreadable': 'cannot be read as a row',
    'link_mismatch': 'does not follow the row before it',
    'log_forked': 'two signed ends of this log contradict each other: there are two histories',
    'log_unknown': 'rows of a log that the pack does not list',
    'pack_malformed': 'the file is missing, damaged or not of this form',
    'place_mismatch': 'a row that belongs to another place',
    'proof_wrong': 'the proof of this row does not lead to what was signed',
    'rolled_back': 'rows that were signed for are gone from the end of the log',
    'root_mismatch': 'the rows hang together, and are not those that were signed',
    'row_unproven': 'there is no proof of this row',
    'row_unreadable': 'the line cannot be read as a row',
    'rows_missing': 'not there',
}

VERDICTS_TOLD = {
    'PASS': 'every row shown is what was recorded and signed for',
    'FAIL': 'something is not as it was signed; each BREAK above says what',
    'INCOMPLETE': 'nothing is wrong, and not enough is proven; the notes above say why',
}


def range_told(first, last):
    return '%d to %d' % (first, last) if last > first else '%d' % first


def break_told(place, kind):
    return 'BREAK %s: %s: %s' % (place, kind, BREAKS_TOLD.get(kind, kind))


def tell(verdict):
    """The verdict for somebody who reads it. What a pack holds may hold anything; a terminal is not to be told what to do by it."""
    lines = []
    for log in verdict['logs']:
        anchor, places = log['anchored_to'], range_told(log['from_index'], log['to_index'] - 1)
        counts = ('expected', 'checked', 'expired', 'erased', 'missing', 'bad')
        lines.append('%s  %s' % (log['verdict'], log['log']))
        lines.append('  rows %s: %s' % (places, ', '.join('%d %s' % (log['rows_' + name], name) for name in counts)))
        if anchor is None:
            lines.append('  signed by none of the keys that were given')
        else:
            seen = '' if anchor['witnesses'] is None else ', witnesses ' + anchor['witnesses']
            lines.append('  its first %d rows are signed for%s, by the root' % (anchor['size'], seen))
            lines.append('  ' + anchor['root'])
        for found in log['breaks']:
            lines.append('  ' + break_told('row ' + range_told(found['from_index'], found['to_index']), found['kind']))
        lines += ['  note: ' + NOTES_TOLD.get(note, note) for note in log['notes']]
    lines += [break_told(found['at'], found['kind']) for found in verdict['breaks']]
    lines += ['note: ' + NOTES_TOLD.get(note, note) for note in verdict['notes']]
    lines.append('%s: %s' % (verdict['verdict'], VERDICTS_TOLD[verdict['verdict']]))
    return '\n'.join(re.sub(r'[^\x20-\x7e]', lambda found: '\\u{%x}' % ord(found.group()), line) for line in lines)


USAGE = """usage: verify.py PACK --key KEY [--policy FILE] [--checkpoint FILE] [--json]

  PACK               the folder of the pack
  --key KEY          the key of a log, or a file with one on each line; repeatable
  --policy FILE      whom you believe: logs, witnesses and how many are enough
  --checkpoint FILE  a signed end of a log that you kept; repeatable
  --json             the verdict as JSON

exit codes: 0 PASS, 3 FAIL, 4 INCOMPLETE, 2 the question could not be asked"""


def main(args):
    given = {'keys': [], 'policy': None, 'remembered': []}
    folders, args, is_json = [], list(args), False
    while args:
        word = args.pop(0)
        if word in ('--help', '-h'):
            print(USAGE)
            return 0
        if word == '--json':
            is_json = True
            continue
        if word == '--key' and args:
            given['keys'] += keys_from(args.pop(0))
        elif word in ('--policy', '--checkpoint') and args:
            name = args.pop(0)
            with open(name, encoding='utf-8', newline='') as file:
                text = file.read()
            if word == '--policy':
                given['policy'] = text
            else:
                given['remembered'] += checkpoints_in(text, name)
        elif word.startswith('--'):
            raise Refused('BAD_OPTION', 'there is no %s, or its value is missing' % word)
        else:
            folders.append(word)
    if len(folders) != 1:
        raise Refused('BAD_ARGUMENT', USAGE)
    if not os.path.exists(folders[0]):
        raise Refused('BAD_ARGUMENT', 'there is no folder %s' % folders[0])
    verdict = verify_pack(folders[0], **given)
    print(json.dumps(verdict) if is_json else tell(verdict))
    return {'PASS': 0, 'FAIL': 3, 'INCOMPLETE': 4}[verdict['verdict']]


if __name__ == '__main__':
    try:
        sys.exit(main(sys.argv[1:]))
    except (Refused, OSError) as error:
        print('verify.py: %s' % (error.args[-1] if isinstance(error, Refused) else error), file=sys.stderr)
        sys.exit(2)
