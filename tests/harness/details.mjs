// The google.rpc details of an error, read from their bytes by field number, as a client without our
// protos would have to.

/** Fields of a protobuf message: { number: [values] }, with numbers for varints and Buffers for bytes. */
function fieldsOf(bytes) {
  const fields = {};
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++];
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const wire = tag & 7;
    let value;
    if (wire === 0) value = varint();
    else if (wire === 2) {
      const length = varint();
      value = bytes.subarray(at, (at += length));
    } else throw new Error(`wire type ${wire} in the details of an error`);
    (fields[tag >> 3] ??= []).push(value);
  }
  return fields;
}

const text = (fields, number) => fields[number]?.[0].toString() ?? '';

/** details: [{ type: 'google.rpc.ErrorInfo', value: Buffer }]. */
export function readDetails(details) {
  const found = { fields: [] };
  for (const { type, value } of details) {
    const fields = fieldsOf(value);
    if (type === 'google.rpc.ErrorInfo') {
      found.reason = text(fields, 1);
      found.domain = text(fields, 2);
      found.metadata = Object.fromEntries((fields[3] ?? []).map(fieldsOf).map((entry) => [text(entry, 1), text(entry, 2)]));
    } else if (type === 'google.rpc.BadRequest') {
      for (const violation of (fields[1] ?? []).map(fieldsOf)) found.fields.push({ field: text(violation, 1), description: text(violation, 2) });
    } else if (type === 'google.rpc.RetryInfo') {
      const delay = fieldsOf(fields[1]?.[0] ?? Buffer.alloc(0));
      found.retryMs = (delay[1]?.[0] ?? 0) * 1000 + (delay[2]?.[0] ?? 0) / 1e6;
    } else {
      throw new Error(`unexpected detail ${type}`);
    }
  }
  return found;
}

/** The same from the bytes of grpc-status-details-bin, a google.rpc.Status. */
export function readStatusDetails(bytes) {
  const status = fieldsOf(bytes);
  const any = (status[3] ?? []).map(fieldsOf).map((fields) => ({ type: text(fields, 1).replace(/^.*\//, ''), value: fields[2]?.[0] ?? Buffer.alloc(0) }));
  return { code: status[1]?.[0] ?? 0, message: text(status, 2), ...readDetails(any) };
}
