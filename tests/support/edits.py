"""Edits of JSON documents, as the files edits.json of tests/vectors list them."""
import copy


def edited(document, edit):
    """A copy with one place changed, `path` of keys and positions: set to `value`, or taken away with `remove`; a position one past the end appends."""
    document = copy.deepcopy(document)
    *path, last = [int(key) if key.isdigit() else key for key in edit["path"].split("/")]
    place = document
    for key in path:
        place = place[key]
    if edit.get("remove"):
        del place[last]
    elif isinstance(place, list) and last == len(place):
        place.append(edit["value"])
    else:
        place[last] = edit["value"]
    return document
