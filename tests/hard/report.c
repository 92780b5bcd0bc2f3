/* report.c — started by errors.c when nothing else helps. */
#include <stdio.h>

int main(int n, char **v)
{
	char b[64] = "-\n";
	FILE *f = fopen("/etc/hard-report.conf", "r");
	if (f && fgets(b, sizeof b, f))
		fclose(f);
	printf("report of %s: %s", n > 1 ? v[1] : "", b);
	return 3;
}
