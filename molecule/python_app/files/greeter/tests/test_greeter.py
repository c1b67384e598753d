raise RuntimeError("tests must not ship")
