s/two ? value.b : c->next + 1/two ? value.b : c->next/
